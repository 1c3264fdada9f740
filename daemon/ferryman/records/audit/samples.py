"""The probes of a move, beside its record: `samples/ID.csv`, outside git's history, bounded in size and number.

For the eyes: the record's measurement was made of all of them. Losing them costs a picture; so a reader takes what it
cannot read for absent, and a writer that finds no room says False.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ferryman.downtime.thinning import thin
from ferryman.downtime.values import ProbeFate, Sample
from ferryman.records import atomic_files
from ferryman.records.errors import RecordError, StateUnwritableError
from ferryman.records.names import checked
from ferryman.records.toml_files import content

FOLDER = "samples"
MOST_SAMPLES = 1000
"""Of one move: some 20 KB."""
MOST_MOVES = 1000
"""The newest; those of older moves are removed."""
_COLUMNS = ("sent_ms", "outcome", "round_trip_ms")
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedMove:
    """All probes of one move."""

    id: str
    """The audit record's."""
    started_ns: int
    """When the attempt began, on the samples' clock."""
    samples: Sequence[Sample]
    """In the order of sending."""
    in_time_ms: float | None
    """An answer that took longer counted as an outage; None: nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSample:
    """One probe; ms since the attempt began."""

    sent_ms: float
    outcome: ProbeFate
    round_trip_ms: float | None
    """None: no answer."""


def write_samples(state_folder: Path, move: ProbedMove) -> bool:
    """Keep the move's probes, thinned where they are many; False where there are none, or no room."""
    in_time_ns = None if move.in_time_ms is None else round(move.in_time_ms * _NS_PER_MS)
    kept = thin(move.samples, in_time_ns=in_time_ns, most=MOST_SAMPLES)
    if not kept:
        return False
    content = _csv([_kept(sample, move.started_ns) for sample in kept])
    try:
        atomic_files.replace(_path(state_folder, move.id), content.encode(), durable=False)
        _forget_oldest(state_folder / FOLDER)
    except StateUnwritableError:
        return False
    return True


def read_samples(state_folder: Path, migration_id: str) -> tuple[KeptSample, ...]:
    """What was kept of a move, in the order of sending; empty where nothing was, or where it cannot be read."""
    try:
        lines = content(_path(state_folder, migration_id)).decode().splitlines()
        return tuple(_sample(line) for line in csv.DictReader(lines))
    except (RecordError, ValueError, KeyError, TypeError, csv.Error):
        return ()


def _forget_oldest(folder: Path) -> None:
    # Ids begin with the time.
    for path in sorted(folder.glob("[!.]*.csv"))[:-MOST_MOVES]:
        atomic_files.remove(path, durable=False)


def _kept(sample: Sample, started_ns: int) -> KeptSample:
    answered = sample.outcome is ProbeFate.ANSWERED
    return KeptSample(
        sent_ms=round((sample.sent_ns - started_ns) / _NS_PER_MS, 2),
        outcome=sample.outcome,
        round_trip_ms=round(sample.round_trip_ns / _NS_PER_MS, 2) if answered else None,
    )


def _csv(samples: Sequence[KeptSample]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows((sample.sent_ms, sample.outcome.value, sample.round_trip_ms) for sample in samples)
    return text.getvalue()


def _sample(row: dict[str, str]) -> KeptSample:
    took = row["round_trip_ms"]
    return KeptSample(
        sent_ms=float(row["sent_ms"]),
        outcome=ProbeFate(row["outcome"]),
        round_trip_ms=float(took) if took else None,
    )


def _path(state_folder: Path, migration_id: str) -> Path:
    return state_folder / FOLDER / f"{checked(migration_id)}.csv"
