"""Attribute declarations: what each type takes, keeps and says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.domain.attributes import (
    Address,
    Array,
    Attribute,
    Boolean,
    Details,
    Hash,
    Host,
    Integer,
    OneOf,
    OrEmpty,
    Reference,
    Scalar,
    Text,
    Type,
    Url,
    each_expression,
    object_schema,
    parse_change,
    parse_new,
)
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.faults import Fault
from vedette.domain.resources import RESOURCES

_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_TYPES: tuple[Type, ...] = (
    Text(1, 5),
    Text(0, 9, "[a-z]*"),
    OneOf(("a", "b")),
    Integer(1, 9),
    Boolean(),
    Address(),
    Host(),
    Url(),
    Scalar(9),
    Hash(Text(1, 5), Boolean(), 2),
    Array(Text(1, 3), 2),
    Reference(("en",), "an entity"),
    OrEmpty(Integer(1, 9)),
    Details((Attribute("a", Integer(1, 9)),)),
    Details((), Scalar(9)),
)


def _parsed(type: Type, value: Any) -> tuple[Fault | None, Any]:
    try:
        return None, type.parse(value, "key")
    except Fault as fault:
        return fault, None


def _refused(type: Type, value: Any) -> Fault:
    with pytest.raises(Fault) as refusal:
        type.parse(value, "key")
    return refusal.value


@given(value=_ANYTHING, place=st.integers(0, len(_TYPES) - 1))
def test_any_value_is_taken_or_refused_with_the_key_and_what_was_expected(value: Any, place: int) -> None:
    type = _TYPES[place]
    fault, kept = _parsed(type, value)

    if fault is None:
        assert _parsed(type, kept) == (None, kept)
    else:
        assert fault.code == 400
        assert fault.message.startswith("Validation error for key 'key")
        assert str(fault.details).startswith(("Expected ", "Missing "))


@pytest.mark.parametrize("type", _TYPES)
def test_every_type_has_a_json_schema_and_words_for_people(type: Type) -> None:
    assert type.expected.startswith("Expected ")
    assert set(type.schema()) & {"type", "anyOf", "enum"}


@pytest.mark.parametrize(
    ("type", "given", "kept"),
    [
        (Integer(1, 90), "60", 60),
        (Integer(1, 90), 60.0, 60),
        (Integer(-9, 9), "-5", -5),
        (Integer(1, 90), "+7", 7),
        (Boolean(), "true", True),
        (Boolean(), "False", False),
        (Hash(Text(1, 5), Integer(), 3), [], {}),
        (Hash(Text(1, 5), Integer(), 3), {"a": None, "b": "1"}, {"b": 1}),
        (OrEmpty(Host()), "", None),
        (Details((Attribute("a", Integer()), Attribute("b", Text(), default="x"))), {"a": "1"}, {"a": 1, "b": "x"}),
        (Details((Attribute("a", Integer()),)), None, {}),
        (Details((Attribute("a", Integer()),)), {"a": None}, {}),
        (Scalar(), [1, "a", True], [1, "a", True]),
        (Address(), "2001:DB8::1", "2001:DB8::1"),
    ],
)
def test_values_are_kept_as_what_they_are(type: Type, given: Any, kept: Any) -> None:
    parsed = type.parse(given, "key")

    assert (parsed, parsed.__class__) == (kept, kept.__class__)


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (Text(0, 9), "a\0b"),
        (Text(0, 2), "abc"),
        (Text(0, 9, "[a-z]+"), "a\n"),
        (Integer(1, 9), True),
        (Integer(1, 9), 10),
        (Integer(1, 9), "1.0"),
        (Integer(1, 9), "٣"),
        (Integer(1, 9), float("nan")),
        (Integer(1, 9), float("inf")),
        (Integer(), 10**30),
        (Integer(), "9" * 400),
        (Boolean(), 1),
        (Boolean(), "yes"),
        (Address(), "fe80::1%eth0"),
        (Address(), "1.2.3"),
        (Address(), 1),
        (Host(), "-a"),
        (Host(), "a..b"),
        (Host(), "1.2.3.256"),
        (Host(), "a_b c"),
        (Host(), "a" * 254),
        (Url(), "http://"),
        (Url(), "http://a:0/"),
        (Url(), "http://a:65536/"),
        (Url(), "//a/"),
        (Url(), "http://a b/"),
        (Url(), "http://[::1"),
        (Url(), "javascript:alert(1)"),
        (Url(9), "http://abcdefg/"),
        (Url(), "http://a/\r\nX: y"),
        (Scalar(), {}),
        (Scalar(), [[1]]),
        (Scalar(), 2**64),
        (Scalar(), float("inf")),
        (Array(Text(), 9), ["a", "a"]),
        (Array(Text(), 1), ["a", "b"]),
        (Array(Text(), 9), "ab"),
        (OneOf(("a",)), ["a"]),
        (Hash(Text(1, 5), Text(), 1), {"a": "", "b": ""}),
        (Hash(Text(1, 5), Text(), 1), [1]),
    ],
)
def test_what_does_not_fit_is_refused(type: Type, value: Any) -> None:
    fault = _refused(type, value)

    assert (fault.kind, fault.code) == ("badRequest", 400)


def test_an_id_of_another_kind_is_an_invalid_key_prefix() -> None:
    assert Reference(("mz", "pz"), "a zone").parse("pzA", "key") == "pzA"
    assert _refused(Reference(("mz", "pz"), "a zone"), "enA").kind == "invalidKeyPrefix"
    assert _refused(Reference(("mz",), "a zone"), 1).kind == "badRequest"


@pytest.mark.parametrize(
    ("type", "value", "key"),
    [
        (Hash(Text(1, 5), Integer(), 3), {"a": "x"}, "key.a"),
        (Array(Integer(), 3), [1, "x"], "key.1"),
        (Details((Attribute("a", Integer()),)), {"b": 1}, "key.b"),
        (Details((Attribute("a", Integer()),)), {"a": "x"}, "key.a"),
        (Details((Attribute("a", Integer(), optional=False),)), {}, "key.a"),
        (Details((), Scalar()), {"x" * 300: 1}, "key." + "x" * 64),
    ],
)
def test_a_fault_names_the_key_within(type: Type, value: Any, key: str) -> None:
    assert _refused(type, value).message == f"Validation error for key '{key}'"


_DECLARED = (
    Attribute("name", Text(1, 9), optional=False),
    Attribute("size", Integer(1, 9), default=5),
    Attribute("tags", Array(Text(), 3), default=list),
    Attribute("kind", OneOf(("a", "b")), immutable=True),
    Attribute("left", Text(0, 9)),
    Attribute("right", Text(0, 9)),
)
_CURRENT = {"name": "n", "size": 5, "tags": ["t"], "kind": "a", "left": "l", "right": None}


def test_a_new_object_has_its_defaults_and_what_was_not_taken_is_named() -> None:
    parsed = parse_new(_DECLARED, {"name": "x", "other": 1, "size": None, "gone": None})

    assert parsed.values == {"name": "x", "size": 5, "tags": [], "kind": None, "left": None, "right": None}
    assert parsed.ignored == ("other",)
    assert parse_new(_DECLARED, {"name": "x"}).values["tags"] is not parsed.values["tags"]


@pytest.mark.parametrize(
    ("body", "key"),
    [({"size": 0, "kind": "z"}, "size"), ({"kind": "z", "size": 0}, "kind"), ({}, "name"), ({"name": None}, "name")],
)
def test_the_first_wrong_key_of_the_document_is_named(body: dict[str, Any], key: str) -> None:
    with pytest.raises(Fault, match=f"'{key}'"):
        parse_new(_DECLARED, body)


def test_a_change_leaves_alone_what_is_absent_and_unsets_what_is_null() -> None:
    parsed = parse_change(_DECLARED, {"name": None, "size": None, "tags": None, "kind": None}, _CURRENT)

    assert parsed.values == _CURRENT | {"tags": []}
    assert parse_change(_DECLARED, {}, _CURRENT).values == _CURRENT


def test_an_immutable_attribute_takes_only_its_own_value() -> None:
    assert parse_change(_DECLARED, {"kind": "a"}, _CURRENT).values == _CURRENT
    with pytest.raises(Fault, match="'kind'"):
        parse_change(_DECLARED, {"kind": "b"}, _CURRENT)


def test_setting_one_of_the_exclusive_attributes_unsets_the_others() -> None:
    exclusive = ("left", "right")

    assert parse_change(_DECLARED, {"right": "r"}, _CURRENT, exclusive).values == _CURRENT | {
        "left": None,
        "right": "r",
    }
    assert parse_change(_DECLARED, {"right": None}, _CURRENT, exclusive).values == _CURRENT
    assert parse_change(_DECLARED, {"left": "x", "right": "r"}, _CURRENT, exclusive).values["left"] == "x"


def test_null_leaves_details_alone_that_need_a_value() -> None:
    needy = Attribute("details", Details((Attribute("url", Url(), optional=False),)))
    modest = Attribute("details", Details((Attribute("size", Integer(1, 9), default=5),)))

    assert parse_change([needy], {"details": None}, {"details": {"url": "http://a/"}}).values == {
        "details": {"url": "http://a/"}
    }
    assert parse_change([modest], {"details": None}, {"details": {"size": 7}}).values == {"details": {"size": 5}}
    with pytest.raises(Fault, match=r"'details\.url'"):
        parse_new([needy], {})


def test_every_tenant_written_expression_is_checked() -> None:
    attributes = CHECK_TYPES["remote.http"].attributes
    details = {"url": "http://a/", "body": "ok", "body_matches": {"one": "ok", "two": "bad"}}

    with pytest.raises(Fault, match=r"'details\.body_matches\.two'"):
        each_expression(attributes, details, lambda text: "wrong" if text == "bad" else None)


def test_the_schema_names_every_attribute_and_what_is_required() -> None:
    schema = object_schema(_DECLARED)

    assert list(schema["properties"]) == [attribute.name for attribute in _DECLARED]
    assert schema["required"] == ["name"]


@pytest.mark.parametrize("kind", RESOURCES)
def test_attributes_are_declared_once_and_described(kind: Any) -> None:
    names = [attribute.name for attribute in RESOURCES[kind].attributes]

    assert len(set(names)) == len(names)
    assert all(attribute.description for attribute in RESOURCES[kind].attributes)


@pytest.mark.parametrize("name", ["Host", "HOST", "content-length", "Upgrade", "a b", "a:b", ""])
def test_headers_that_are_the_probes_own_cannot_be_set(name: str) -> None:
    details = CHECK_TYPES["remote.http"].details

    with pytest.raises(Fault, match=r"details\.headers"):
        details.parse({"url": "http://a/", "headers": {name: "x"}}, "details")
    assert details.parse({"url": "http://a/", "headers": {"X-Host": "x"}}, "details")["headers"] == {"X-Host": "x"}


def test_patterns_are_written_so_that_json_schema_understands_them() -> None:
    texts = [a.type.schema().get("pattern", "") for resource in RESOURCES.values() for a in resource.attributes]

    assert any(texts)
    assert not any(re.search(r"\(\?[a-zA-Z]|\\[AZz]", text) for text in texts)
