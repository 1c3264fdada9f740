"""JSON Schemas for editors: what each kind of file may hold."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ferryman.specs.fleet_spec import FleetSpec
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.spec_model import SpecModel
from ferryman.specs.vm_spec import VmSpec


class SpecKind(StrEnum):
    """The kinds of spec files."""

    FLEET = "fleet"
    """`fleet.toml`"""
    HOST = "host"
    """`hosts/NAME.toml`"""
    VM = "vm"
    """`vms/NAME.toml`"""


_MODELS: Mapping[SpecKind, type[SpecModel]] = {
    SpecKind.FLEET: FleetSpec,
    SpecKind.HOST: HostSpec,
    SpecKind.VM: VmSpec,
}


def schema(kind: SpecKind | str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one kind of file. Raises ValueError for an unknown kind."""
    generated = _MODELS[SpecKind(kind)].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_without_null(generated)}


def _without_null(node: Any) -> Any:
    """TOML has no null: what may be absent is simply not required."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_null(value) for key, value in node.items() if value is not None}
    branches = kept.get("anyOf")
    if branches is None or {"type": "null"} not in branches:
        return kept
    rest = [branch for branch in branches if branch != {"type": "null"}]
    del kept["anyOf"]
    return {**rest[0], **kept} if len(rest) == 1 else {**kept, "anyOf": rest}
