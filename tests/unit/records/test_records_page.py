"""docs/records.md names every field of what is written down, and no others."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ferryman.downtime.attribution import Attribution
from ferryman.downtime.values import HostFigures, Measurement, OutageFigures
from ferryman.records.audit import record as audit_records
from ferryman.records.audit.timeline import TimelineEntry
from ferryman.records.state import states

PAGE = Path(__file__).parents[3] / "docs" / "records.md"
WRITTEN: tuple[type[Any], ...] = (
    audit_records.MigrationRecord,
    audit_records.CauseRecord,
    Measurement,
    OutageFigures,
    Attribution,
    TimelineEntry,
    HostFigures,
    audit_records.Transfer,
    audit_records.PhaseTiming,
    audit_records.RejectedRecord,
    audit_records.PredictionRecord,
    audit_records.VolumeAt,
    audit_records.EjectedRecord,
    audit_records.RemovalRecord,
    states.VmState,
    states.Condition,
    states.Placed,
    states.LastMigration,
    states.MoveStatistics,
    states.HostState,
    states.FleetState,
    states.SpecProblem,
)


def explained(section: str) -> list[str]:
    """The fields in the first column of a section's table."""
    text = PAGE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.__name__)
def test_every_field_is_explained_once(kind: type[Any]) -> None:
    fields = {field.name for field in dataclasses.fields(kind)}
    named = explained(kind.__name__)
    assert fields - set(named) == set(), f"explain them in docs/records.md, below `## {kind.__name__}`"
    assert set(named) - fields == set(), f"no fields of {kind.__name__}: take them out of docs/records.md"
    assert len(named) == len(set(named))


@pytest.mark.parametrize("module", [audit_records, states], ids=lambda module: module.__name__)
def test_every_kind_of_table_has_a_section(module: ModuleType) -> None:
    kinds = {
        one for one in vars(module).values() if dataclasses.is_dataclass(one) and one.__module__ == module.__name__
    }
    assert kinds == {kind for kind in WRITTEN if kind.__module__ == module.__name__}
