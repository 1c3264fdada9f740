"""What the records of a running probe add up to: pure, fed record by record."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from ferryman.downtime.values import ProbeFate, ProbeView, Sample, ServiceState

_RECENT, _RECENT_HOLES = 1 << 17, 256
"""Samples kept for judging a run of answers: two minutes of one each millisecond."""
_IN_FLIGHT = 64
"""So many more than are asked for are looked at, as they come in any order."""
_OUT_OF_ORDER_NS = 2_000_000_000
"""No probe's fate is known later than this after that of one sent together with it: see `ProbeTarget.deadline_ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Probes that were answered one after the other."""

    count: int
    lasted_ns: int
    """From when the first was sent to the last."""


class Tally:
    """Counts, and the state of the service as far as the settled probes and the clock tell."""

    def __init__(self, *, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self.answered = 0
        self._lost = 0
        self._not_sent = 0
        self._recent: deque[Sample] = deque(maxlen=_RECENT)
        self._recent_holes: deque[tuple[int, int]] = deque(maxlen=_RECENT_HOLES)
        self._last_answered: Sample | None = None
        self._last_bad_ns = -1
        self._up_since_ns: int | None = None
        self._slowest_ns = 0

    def add(self, sample: Sample) -> None:
        """Count one settled probe; they come in any order."""
        self._recent.append(sample)
        if sample.outcome is not ProbeFate.ANSWERED:
            self._lost += 1
            self._last_bad_ns = max(self._last_bad_ns, sample.sent_ns)
            if self._up_since_ns is not None and self._up_since_ns <= sample.sent_ns:
                self._up_since_ns = self._first_answered_after(sample.sent_ns)
            return
        self.answered += 1
        self._slowest_ns = max(self._slowest_ns, sample.round_trip_ns)
        if self._up_since_ns is None and sample.sent_ns > self._last_bad_ns:
            self._up_since_ns = sample.sent_ns
        if self._last_answered is None or sample.sent_ns > self._last_answered.sent_ns:
            self._last_answered = sample

    def add_not_sent(self, slot_ns: int, count: int) -> None:
        """Count slots of the schedule, from this one on, in which nothing was sent."""
        self._not_sent += count
        self._recent_holes.append((slot_ns, slot_ns + count * self._interval_ns))

    def view(self, now_ns: int) -> ProbeView:
        """The state at `now_ns`; silence counts as down before the probes' deadline has passed."""
        state, since_ns = self._state(now_ns)
        last = self._last_answered
        return ProbeView(
            state=state,
            since_ns=since_ns,
            answered=self.answered,
            lost=self._lost,
            not_sent=self._not_sent,
            last_round_trip_ms=None if last is None else last.round_trip_ns / 1e6,
        )

    def answered_in_a_row(self, *, after_ns: int, most: int = _RECENT) -> Row:
        """The probes that were answered one after the other, the newest last, all sent after `after_ns`.

        Looks at little more than `most` of them.

        A gap of more than two intervals breaks the row: something sent there is still unanswered. But not one in
        which nothing was sent: that is the prober's, not the service's.
        """
        row: list[int] = []
        for sample in sorted(islice(self._newest(after_ns), most + _IN_FLIGHT), key=lambda sample: -sample.sent_ns):
            gap = row and self._is_gap(sample.sent_ns, row[-1])
            if gap or sample.outcome is not ProbeFate.ANSWERED:
                break
            row.append(sample.sent_ns)
        return Row(count=len(row), lasted_ns=row[0] - row[-1] if row else 0)

    def _newest(self, after_ns: int) -> Iterator[Sample]:
        """Those sent after a moment, without a look at all that were long before."""
        late = takewhile(lambda sample: sample.sent_ns > after_ns - _OUT_OF_ORDER_NS, reversed(self._recent))
        return (sample for sample in late if sample.sent_ns > after_ns)

    def _is_gap(self, from_ns: int, to_ns: int) -> bool:
        """Whether something that was sent between two answered probes is still open."""
        open_ns = to_ns - from_ns - 2 * self._interval_ns - 1_000_000
        holes = ((max(begin_ns, from_ns), min(end_ns, to_ns)) for begin_ns, end_ns in self._recent_holes)
        return open_ns > 0 and open_ns > sum(max(0, end_ns - begin_ns) for begin_ns, end_ns in holes)

    def _state(self, now_ns: int) -> tuple[ServiceState, int | None]:
        last = self._last_answered
        if last is None:
            return ServiceState.UNKNOWN, None
        # Twice the slowest answer: what is still on its way must not look like silence.
        patience_ns = 3 * self._interval_ns + max(50_000_000, 2 * self._slowest_ns)
        if self._last_bad_ns > last.sent_ns or now_ns - last.sent_ns > patience_ns:
            return ServiceState.DOWN, last.sent_ns
        return ServiceState.UP, self._up_since_ns

    def _first_answered_after(self, sent_ns: int) -> int | None:
        return min(
            (one.sent_ns for one in islice(self._newest(sent_ns), _IN_FLIGHT) if one.outcome is ProbeFate.ANSWERED),
            default=None,
        )
