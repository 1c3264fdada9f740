"""What editors are told agrees with what is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ferryman.specs.schema import SpecKind, schema


def nodes(value: Any) -> Iterator[Any]:
    yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


@pytest.mark.parametrize("kind", SpecKind)
def test_there_is_no_null_and_no_room_for_unknown_keys(kind: SpecKind) -> None:
    found = schema(kind)
    assert found["$schema"].endswith("2020-12/schema")
    for node in nodes(found):
        assert node is not None
        assert node != "null"
        if isinstance(node, dict) and "properties" in node and node.get("type") == "object":
            assert node["additionalProperties"] is False


@pytest.mark.parametrize("kind", SpecKind)
def test_every_key_is_described(kind: SpecKind) -> None:
    found = schema(kind)
    tables = [found, *found["$defs"].values()]
    for table in tables:
        assert table["title"]
        assert table["description"]
        for key, value in table.get("properties", {}).items():
            assert value.get("description") or "$ref" in value, key


def test_what_is_required_is_what_has_no_default() -> None:
    assert schema("vm")["required"] == ["name", "host"]
    assert schema("host")["required"] == ["name", "uri"]
    assert "required" not in schema("fleet")
    assert "defaults" in schema("fleet")["properties"]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="guest"):
        schema("guest")
