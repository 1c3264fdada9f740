"""docs/records.md names every field of what is written down, and no others."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from ferryman.downtime.attribution import Attribution
from ferryman.downtime.values import HostFigures, Measurement, OutageFigures
from ferryman.records import values
from ferryman.records.timeline import TimelineEntry

PAGE = Path(__file__).parents[3] / "docs" / "records.md"
WRITTEN: tuple[type[Any], ...] = (
    values.MigrationRecord,
    values.CauseRecord,
    Measurement,
    OutageFigures,
    Attribution,
    TimelineEntry,
    HostFigures,
    values.Transfer,
    values.PhaseTiming,
    values.RejectedRecord,
    values.PredictionRecord,
    values.VolumeAt,
    values.EjectedRecord,
    values.RemovalRecord,
    values.VmState,
    values.Condition,
    values.Placed,
    values.LastMigration,
    values.MoveStatistics,
    values.HostState,
    values.FleetState,
    values.SpecProblem,
)
VOLATILE = frozenset({"JournalEntry"})
"""Outside git's history and of no use to readers."""


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


def test_every_kind_of_table_has_a_section() -> None:
    kinds = {
        name
        for name, one in vars(values).items()
        if dataclasses.is_dataclass(one) and getattr(one, "__module__", "") == values.__name__
    }
    assert kinds - VOLATILE == {kind.__name__ for kind in WRITTEN if kind.__module__ == values.__name__}
