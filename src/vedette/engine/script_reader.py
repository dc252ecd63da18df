"""Reads alarm scripts; the language is described in `scripts`."""

from __future__ import annotations

import re

import msgspec

from vedette.domain.metrics import Metric
from vedette.domain.states import State
from vedette.engine.ballots import Skip
from vedette.engine.decide import Reason
from vedette.engine.scripts import AGENT, Event, Expectation, Line, Report, Script, ScriptError

_word = re.compile(r'[^\s"]+="(?:[^"\\]|\\.)*"|"(?:[^"\\]|\\.)*"|#.*|[^\s"#]+')
_time = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|s|m|h)")
_number = re.compile(r"[0-9]{1,12}")
_latest_ms = 7 * 24 * 3_600_000  # what happens by itself in between is looked at every 5 s
_unit_ms = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_times_ms = {"period": 60_000, "timeout": 10_000}  # setting -> default; without `confirm_after` there are no rounds
_durations = frozenset({*_times_ms, "confirm_after"})
_settings = _durations | {"zones", "type", "plan", "stock"}
_after_expect = frozenset({"because", "status", "tells", "asks"})
_alone = frozenset({"revise", "disable", "enable", "fetch", "stop", "start", "restart"})
_events = (
    _alone
    | {"down", "up", "blinded", "deleted", "zones", "plan", "change", "suppress", "lift"}
    | {"connect", "close", "dead", "clock", "boottime"}
)


def read_scripts(text: str, name: str = "script") -> list[Script]:
    """The scripts of a file. Raises `ScriptError`."""
    reader = _FileReader(name)
    for number, line in enumerate(text.splitlines(), 1):
        reader.read(number, line)
    return reader.finished()


class _Words:
    """The words of a line, taken from the left."""

    def __init__(self, number: int, line: str) -> None:
        self.number = number
        self._words: list[str] = [word for word in _word.findall(line) if not word.startswith("#")]

    def peek(self) -> str | None:
        return self._words[0] if self._words else None

    def take(self, expected: str) -> str:
        if not self._words:
            raise ScriptError(self.number, f"expected {expected} at the end of the line")
        return self._words.pop(0)

    def take_text(self, expected: str) -> str:
        return unquoted(self.take(expected))

    def take_ms(self) -> int:
        word = self.take("a time such as 60s")
        found = _time.fullmatch(word)
        if found is None:
            raise ScriptError(self.number, f"expected a time such as 60s, 500ms, 10m or 2h, found {word}")
        return round(float(found[1]) * _unit_ms[found[2]])

    def take_number(self, expected: str) -> int:
        word = self.take(expected)
        if _number.fullmatch(word) is None:
            raise ScriptError(self.number, f"expected {expected}, found {word}")
        return int(word)

    def take_if(self, word: str) -> tuple[str, ...]:
        return (self.take(word),) if self.peek() == word else ()

    def take_while(self, stops: frozenset[str]) -> tuple[str, ...]:
        taken: list[str] = []
        while (word := self.peek()) is not None and word not in stops:
            taken.append(self.take("a word"))
        return tuple(taken)


class _FileReader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._scripts: list[Script] = []
        self._begin(name)

    def _begin(self, title: str) -> None:
        self._title = title
        self._criteria: list[str] | None = None
        self._criteria_line = 0
        self._new_criteria: list[str] = []
        self._in_criteria = False
        self._changed_at: tuple[int, int] | None = None  # (line, time) of a `criteria` event
        self._values: dict[str, tuple[str, ...]] = {}
        self._durations = dict(_times_ms)
        self._lines: list[Line] = []

    def read(self, number: int, line: str) -> None:
        if self._in_criteria and (line[:1].isspace() or not line):
            self._new_criteria.append(line)
            return
        self._end_criteria()
        words = _Words(number, line)
        verb = words.peek()
        if verb == "script":
            self._next(line)
        elif verb == "criteria":
            self._begin_criteria(None)
            self._criteria_line = number
        elif verb == "at":
            self._read_at(words)
        else:
            self._read_settings(words)

    def finished(self) -> list[Script]:
        self._end_criteria()
        if self._lines or self._criteria is not None:
            self._scripts.append(self._made())
        return self._scripts

    def _next(self, line: str) -> None:
        if self._lines or self._criteria is not None:
            self._scripts.append(self._made())
        self._begin(line.partition("script")[2].strip())

    def _made(self) -> Script:
        return Script(
            title=self._title,
            criteria="\n".join(self._criteria or ()),
            period_ms=self._durations["period"],
            zones=self._values.get("zones", ()),
            check_type=self._values.get("type", ("remote.http",))[0],
            plan_id=self._values.get("plan", ("npOne",))[0],
            lines=tuple(self._lines),
            confirm_after_ms=self._durations.get("confirm_after"),
            timeout_ms=self._durations["timeout"],
            stock=self._values.get("stock", ()),
            criteria_line=self._criteria_line,
        )

    def _begin_criteria(self, changed_at: tuple[int, int] | None) -> None:
        self._in_criteria = True
        self._changed_at = changed_at
        self._new_criteria = []

    def _end_criteria(self) -> None:
        if not self._in_criteria:
            return
        self._in_criteria = False
        if self._changed_at is None:
            self._criteria = self._new_criteria
            return
        number, at_ms = self._changed_at
        event = Event("criteria", ("\n".join(self._new_criteria),))
        self._lines.append(Line(number=number, at_ms=at_ms, actions=(event,), expectation=None))

    def _read_settings(self, words: _Words) -> None:
        while (name := words.peek()) is not None:
            words.take("a setting")
            if name in _durations:
                self._durations[name] = _read_duration(words, name)
            elif name in _settings:
                self._values[name] = words.take_while(_settings) or (words.take(f"a word after {name}"),)
            else:
                expected = "script, criteria, at, " + ", ".join(sorted(_settings))
                raise ScriptError(words.number, f"expected {expected}; found {name}")

    def _read_at(self, words: _Words) -> None:
        words.take("at")
        at_ms = words.take_ms()
        if at_ms > _latest_ms:
            raise ScriptError(words.number, f"expected a moment within the first 7 days, found {at_ms} ms")
        if words.peek() == "criteria":
            self._begin_criteria((words.number, at_ms))
            return
        places = frozenset((*self._values.get("zones", ()), AGENT))
        actions: list[Report | Event] = []
        while (word := words.peek()) is not None and word != "expect":
            actions.append(_read_action(words, word, places))
            if isinstance(actions[-1], Event) and actions[-1].verb == "zones":
                places |= frozenset(actions[-1].words)
        expectation = _read_expectation(words) if words.peek() == "expect" else None
        line = Line(number=words.number, at_ms=at_ms, actions=tuple(actions), expectation=expectation)
        self._lines.append(line)


def _read_duration(words: _Words, name: str) -> int:
    found_ms = words.take_ms()
    if found_ms <= 0:
        raise ScriptError(words.number, f"expected a {name} above 0, found {found_ms} ms")
    return found_ms


def _read_action(words: _Words, word: str, places: frozenset[str]) -> Report | Event:
    words.take("a place or an event")
    if word in places:
        return _read_report(words, word)
    if word in _alone:
        return Event(word)
    if word in {"clock", "boottime"}:
        return Event(word, (str(words.take_ms()),))
    if word == "dead":
        return Event(word, (words.take("a connection"), str(words.take_ms())))
    if word == "connect":
        return Event(word, (words.take("a connection"), *words.take_if("fast")))
    if word == "zones":
        return Event(word, words.take_while(_events | {"expect"}))
    if word in _events:
        return Event(word, (words.take(f"a word after {word}"),))
    raise ScriptError(words.number, f"expected one of {', '.join(sorted(places | _events))}; found {word}")


def _read_report(words: _Words, place: str) -> Report:
    report = Report(place=place)
    while (word := words.peek()) is not None:
        if "=" in word and not word.startswith('"'):
            name, _, value = words.take("a metric").partition("=")
            report = msgspec.structs.replace(report, metrics=report.metrics | {name: _metric(value)})
        elif word in _attributes:
            words.take(word)
            report = msgspec.structs.replace(report, **_read_attribute(words, word))
        else:
            break
    return report


_attributes = frozenset({"unavailable", "blind", "stamped", "sent", "from", "revision", "took", "confirming"})


def _read_attribute(words: _Words, word: str) -> dict[str, object]:
    match word:
        case "unavailable":
            return {"unavailable": words.take_text("why, in quotes")}
        case "stamped" | "sent":
            return {"stamped_ms": words.take_ms(), "buffers": word == "sent"}
        case "from":
            return {"sender": words.take("the sender's name")}
        case "revision":
            return {"revision": words.take_number("a revision")}
        case "took":
            return {"took_ms": words.take_ms()}
        case "confirming":
            return {"confirms": True}
    return {"is_blind": True}


def _metric(text: str) -> Metric:
    if text.startswith('"'):
        return Metric("s", unquoted(text))
    try:
        return Metric("l", int(text))
    except ValueError:
        pass
    try:
        return Metric("D", float(text))
    except ValueError:
        return Metric("s", text)


def _read_expectation(words: _Words) -> Expectation:
    words.take("expect")
    expectation = Expectation(state=_state(words))
    while (word := words.peek()) is not None:
        words.take(word)
        if word == "because":
            expectation = msgspec.structs.replace(expectation, because=_reason(words))
        elif word == "status":
            expectation = msgspec.structs.replace(expectation, status=words.take_text("the status"))
        elif word == "tells":
            expectation = msgspec.structs.replace(expectation, tells=_tells(words))
        elif word == "asks":
            expectation = msgspec.structs.replace(expectation, asks=_asks(words))
        else:
            raise ScriptError(words.number, f"expected because, status, tells or asks; found {word}")
    return expectation


def _state(words: _Words) -> State:
    word = words.take("a state")
    if word not in State.__members__:
        raise ScriptError(words.number, f"expected OK, WARNING, CRITICAL or UNKNOWN; found {word}")
    return State(word)


def _reason(words: _Words) -> str:
    word = words.take("a reason")
    known = {*Reason.__members__, *Skip.__members__}
    if word not in known:
        raise ScriptError(words.number, f"expected one of {', '.join(sorted(known))}; found {word}")
    return word


def _tells(words: _Words) -> tuple[tuple[str | None, State], ...]:
    if words.peek() == "nothing":
        words.take("nothing")
        return ()
    told: list[tuple[str | None, State]] = []
    while (word := words.peek()) is not None and word not in _after_expect:
        plan = None if word in State.__members__ else words.take("a plan")
        told.append((plan, _state(words)))
    return tuple(told)


def _asks(words: _Words) -> tuple[str, ...]:
    if words.peek() == "nothing":
        words.take("nothing")
        return ()
    return words.take_while(_after_expect)


def unquoted(text: str) -> str:
    """A quoted word without its quotes and backslashes; others as they are."""
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1])
