"""specs/README.md explains every key of the specs, with its default and its choices, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ferryman.specs.choices import Method
from ferryman.specs.fleet_spec import FleetSpec
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import VmSettings, VmSpec

PAGE = (Path(__file__).parents[3] / "specs" / "README.md").read_text()
SECTIONS: dict[type[BaseModel], str] = {
    VmSpec: "Every key of a VM",
    HostSpec: "Every key of a host",
    FleetSpec: "Every key of the fleet",
}


def keys(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key as it is written, with its field; `[defaults]` is a VM's keys, and one key here."""
    for name, field in kind.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not VmSettings:
            yield from keys(inner, f"{key}.")
        else:
            yield key, field


def rows(section: str) -> dict[str, tuple[str, str]]:
    """Key -> default and meaning, as the page has them; a key in two rows is a mistake."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| `([\w.]+)` \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    assert len(cells) == len({key for key, _default, _meaning in cells})
    return {key: (default, meaning) for key, default, meaning in cells}


def written(default: Any) -> str | None:
    """As TOML has it; None: the page says in words what an absent key comes to."""
    match default:
        case bool():
            return f"`{str(default).lower()}`"
        case StrEnum():
            return f'`"{default}"`'
        case int() | float():
            return f"{default:g}"
        case tuple() if default:
            return "`[" + ", ".join(f'"{one}"' for one in default) + "]`"
    return None


def choices(annotation: Any) -> set[str]:
    """The words of a closed set, wherever in the type it is; `allow` lists what `auto` may choose, not itself."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return {str(one) for one in annotation}
    inner = [choices(one) for one in get_args(annotation)]
    return set().union(*inner) - ({Method.AUTO} if annotation == VmSpec.model_fields["allow"].annotation else set())


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_every_key_is_explained_and_no_other(kind: type[BaseModel]) -> None:
    expected, named = {key for key, _field in keys(kind)}, set(rows(SECTIONS[kind]))
    assert expected - named == set(), f"explain them in specs/README.md, below `## {SECTIONS[kind]}`"
    assert named - expected == set(), f"no keys of {kind.__name__}: take them out of specs/README.md"


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_defaults_and_choices_are_those_of_the_models(kind: type[BaseModel]) -> None:
    explained = rows(SECTIONS[kind])
    for key, field in keys(kind):
        default, meaning = explained[key]
        if field.is_required():
            assert default == "–", key
        elif (toml := written(field.default)) is not None:
            assert default == toml, key
        else:
            assert default, key
        said = set(re.findall(r"`([\w-]+)`", f"{meaning} {default}".replace('"', "")))
        assert choices(field.annotation) <= said, key
