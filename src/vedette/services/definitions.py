"""Reading a YAML file of checks and alarms, with the place of everything in it (reference: agent configuration files).

One check a file: the members of the API's check, and `alarms`, a map of handles to the members of the API's alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

LONGEST_FILE = 256 * 1024
MOST_ALARMS = 100
LONGEST_NUMBER = 64
"""Of digits: a number to base 60 is a sum that takes the square of them to make."""
_DEEPEST = 16
_MOST_EVENTS = 20_000
_TAG = "tag:yaml.org,2002:"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_READ = yaml.constructor.SafeConstructor()

Path = tuple[str | int, ...]


class Place(msgspec.Struct, frozen=True):
    """Where in a file, as people count: from 1."""

    line: int
    column: int


class DefinitionError(ValueError):
    """What is wrong with a file, and where."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


class Definition(msgspec.Struct, frozen=True):
    """The members of one check or alarm as the file has them, and where each of them is."""

    members: dict[str, Any]
    places: Mapping[Path, Place]
    texts: Mapping[Path, Place]  # of members that are blocks of text: where the text itself begins

    def place_of(self, key: str) -> Place:
        """Of a member as faults name it (`details.file`); of what it is in, where it is missing."""
        path: Path = tuple(key.split("."))
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]

    def place_in(self, key: str, line: int, column: int) -> Place:
        """Of a line and column of a member's text."""
        begin = self.texts.get((key,))
        if begin is None:
            return self.place_of(key)
        return Place(begin.line + line - 1, begin.column + column - 1)


class Defined(msgspec.Struct, frozen=True):
    """What one file holds."""

    check: Definition
    alarms: dict[str, Definition]


def read(text: str) -> Defined:
    """Raises `DefinitionError`. Linear in the text: no aliases, no types but those of JSON, bounded in depth.

    A file of the greatest size takes some 200 ms: not on an event loop.
    """
    if len(text) > LONGEST_FILE:
        raise DefinitionError(f"Expected a file of at most {LONGEST_FILE} characters", Place(1, 1))
    file = _File(text)
    members = file.value(_root(text), ())
    if not isinstance(members, dict):
        raise DefinitionError("Expected a map of the members of a check", Place(1, 1))
    alarms = members.pop("alarms", None) or {}
    if not isinstance(alarms, dict) or not all(isinstance(one, dict) for one in alarms.values()):
        raise DefinitionError("Expected alarms to be a map of handles to alarms", file.places["alarms",])
    if len(alarms) > MOST_ALARMS:
        raise DefinitionError(f"Expected at most {MOST_ALARMS} alarms", file.places["alarms",])
    return Defined(Definition(members, file.places, file.texts), file.alarms(alarms))


def _root(text: str) -> yaml.Node:
    try:
        _look_over(text)
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        place = _place(error.problem_mark or error.context_mark)
        raise DefinitionError(f"This is not YAML: {problem}", place) from error
    except yaml.YAMLError as error:  # a character that no YAML may hold
        raise DefinitionError(f"This is not YAML: {_first_line(error)}", Place(1, 1)) from error
    if root is None:
        raise DefinitionError("The file is empty: expected a map of the members of a check", Place(1, 1))
    return root


def _look_over(text: str) -> None:
    """Refuses what would take more than its size, before anything is made of it."""
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if isinstance(event, yaml.AliasEvent):
            raise DefinitionError("Aliases are not taken: expected the value itself", _place(event.start_mark))
        if depth > _DEEPEST or count > _MOST_EVENTS:
            raise DefinitionError("Expected less in one file, and less deep", _place(event.start_mark))
        if documents > 1:
            raise DefinitionError("Expected one document a file", _place(event.start_mark))


class _File:
    """Makes values of a file's nodes and notes where they were."""

    def __init__(self, text: str) -> None:
        self.places: dict[Path, Place] = {}
        self.texts: dict[Path, Place] = {}
        self._lines = text.splitlines()

    def alarms(self, alarms: Mapping[str, dict[str, Any]]) -> dict[str, Definition]:
        places, texts = _by_alarm(self.places), _by_alarm(self.texts)
        return {
            handle: Definition(members, places[handle], texts.get(handle, {})) for handle, members in alarms.items()
        }

    def value(self, node: yaml.Node, at: Path) -> Any:
        self.places[at] = _place(node.start_mark)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return dict(self._members(node, at))
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*at, number)) for number, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            raise DefinitionError(f"Unexpected type {node.tag}", self.places[at])
        if node.style in {"|", ">"}:
            self.texts[at] = self._begin(node)
        return self._scalar(node, self.places[at])

    def _members(self, node: yaml.MappingNode, at: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            place = _place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                raise DefinitionError("Expected the name of a member", place)
            name: str = key_node.value
            if name in seen:
                raise DefinitionError(f"The member {name} is there twice", place)
            seen.add(name)
            yield name, self.value(value_node, (*at, name))

    def _begin(self, node: yaml.ScalarNode) -> Place:
        """Of a block of text, which begins on the line after its mark, where its first line with anything does."""
        first: int = node.start_mark.line + 1
        inside = [line for line in self._lines[first : node.end_mark.line] if line.strip()]
        indent = len(inside[0]) - len(inside[0].lstrip(" ")) if inside else 0
        return Place(first + 1, indent + 1)

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        make = _SCALARS.get(node.tag)
        if make is None:
            raise DefinitionError(f"Unexpected type {node.tag}", place)
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise DefinitionError(f"Expected a number of at most {LONGEST_NUMBER} characters", place)
        try:
            value = make(node)
        except (ValueError, LookupError) as error:  # the latter where a tag was put to a value of another type
            raise DefinitionError(f"Unexpected value: {_first_line(error)}", place) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise DefinitionError("Expected a finite number", place)
        return value


_SCALARS: Mapping[str, Any] = {
    f"{_TAG}null": lambda _node: None,
    f"{_TAG}bool": _READ.construct_yaml_bool,
    f"{_TAG}int": _READ.construct_yaml_int,
    f"{_TAG}float": _READ.construct_yaml_float,
    f"{_TAG}str": lambda node: node.value,
    f"{_TAG}timestamp": lambda node: node.value,  # a version or a date is a text to us
    f"{_TAG}value": lambda node: node.value,  # a lone `=`
    f"{_TAG}merge": lambda node: node.value,
}
_NUMBERS = frozenset({f"{_TAG}int", f"{_TAG}float"})


def _by_alarm(places: Mapping[Path, Place]) -> dict[str, dict[Path, Place]]:
    """Handle -> what is below it."""
    found: dict[str, dict[Path, Place]] = {}
    for path, place in places.items():
        if len(path) > 1 and path[0] == "alarms":
            found.setdefault(str(path[1]), {})[path[2:]] = place
    return found


def _place(mark: Any) -> Place:
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
