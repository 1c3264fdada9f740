"""One move in full: where on its time axis the service was away. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ferryman.downtime.values import ProbeFate
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.audit.samples import KeptSample
from ferryman.records.audit.timeline import Mark, TimelineEntry
from ferryman.report.model import CloseUp, OutageBand


def close_up(record: MigrationRecord, probes: Sequence[KeptSample]) -> CloseUp:
    """The move with the probes that were kept of it, in the order of sending.

    The record's measurement judged all of them; what is found here only says where to draw it. Without kept probes the
    record's timeline says where the longest outage was.
    """
    bands = _bands(probes, record.measurement.in_time_ms) if probes else _told(record.timeline)
    return CloseUp(record=record, probes=tuple(probes), outages=tuple(bands) if record.measurement.outages else ())


def is_bad(probe: KeptSample, in_time_ms: float | None) -> bool:
    """Lost, refused, or answered too late for this move's baseline."""
    if probe.outcome is not ProbeFate.ANSWERED or probe.round_trip_ms is None:
        return True
    return in_time_ms is not None and probe.round_trip_ms > in_time_ms


def _bands(probes: Sequence[KeptSample], in_time_ms: float | None) -> Iterator[OutageBand]:
    at = 0
    for bad, group in groupby(probes, key=lambda probe: is_bad(probe, in_time_ms)):
        run = list(group)
        if bad and at and not _is_jitter(run):
            back = probes[at + len(run)] if at + len(run) < len(probes) else None
            yield OutageBand(
                last_answered_ms=probes[at - 1].sent_ms,
                first_lost_ms=run[0].sent_ms,
                last_lost_ms=run[-1].sent_ms,
                up_by_ms=_first_answer_ms(run, back),
            )
        at += len(run)


def _told(timeline: Sequence[TimelineEntry]) -> Iterator[OutageBand]:
    at_ms = {entry.mark: entry.at_ms for entry in timeline}
    if at_ms.keys() >= {Mark.LAST_ANSWERED, Mark.FIRST_LOST, Mark.LAST_LOST}:
        yield OutageBand(
            last_answered_ms=at_ms[Mark.LAST_ANSWERED],
            first_lost_ms=at_ms[Mark.FIRST_LOST],
            last_lost_ms=at_ms[Mark.LAST_LOST],
            up_by_ms=at_ms.get(Mark.ANSWERED),
        )


def _is_jitter(run: Sequence[KeptSample]) -> bool:
    """Late answers only, as far apart as they were asked: see `downtime/outages.py`."""
    if any(probe.outcome is not ProbeFate.ANSWERED for probe in run):
        return False
    answers_ms = [probe.sent_ms + (probe.round_trip_ms or 0.0) for probe in run]
    return len(run) == 1 or max(answers_ms) - min(answers_ms) > (run[-1].sent_ms - run[0].sent_ms) / 2


def _first_answer_ms(run: Sequence[KeptSample], back: KeptSample | None) -> float | None:
    """A probe sent while the service was away may be answered as soon as it is back, before any sent later."""
    answers = [
        probe.sent_ms + probe.round_trip_ms
        for probe in (*run, *((back,) if back else ()))
        if probe.outcome is ProbeFate.ANSWERED and probe.round_trip_ms is not None
    ]
    return min(answers, default=None)
