"""A service that is cut again and again while it is probed; each cut is measured by itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from accuracy_cases import Case, Found, Truth

from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe

_BASELINE, _SOON_S = 12, 60.0
_CHANCE = random.SystemRandom()


def watch(kind: str, probe: Probe, cut: Callable[[float], Truth], lengths_ms: Sequence[float]) -> Found:
    """Cut for each of the lengths, in any order, while the service comes back; ends the probe."""
    truths: list[Truth] = []
    ends_ns = [time.monotonic_ns()]
    with probe:
        for length_ms in _CHANCE.sample(lengths_ms, len(lengths_ms)):
            if not _has_settled(probe):
                break
            # At another place between two probes each time.
            threading.Event().wait(_CHANCE.uniform(0, probe.target.interval_ms) / 1000)
            truths.append(cut(length_ms))
            if not _has_settled(probe):
                break
            ends_ns.append(time.monotonic_ns())
        trouble = "" if len(ends_ns) > len(lengths_ms) else f"does not answer: {probe.latest()} {probe.failure or ''}"
        samples = probe.stop()
    cases = []
    for truth, before_ns, ended_ns in zip(truths, ends_ns, ends_ns[1:], strict=False):
        window = [sample for sample in samples if before_ns <= sample.sent_ns <= ended_ns]
        found = measure(window, target=probe.target, baseline_until_ns=truth.cutting_ns, ended_ns=ended_ns)
        cases.append(Case(truth=truth, measurement=found))
    whole = (
        measure(samples, target=probe.target, baseline_until_ns=truths[0].cutting_ns, ended_ns=ends_ns[-1])
        if truths
        else None
    )
    return Found(kind=kind, cases=tuple(cases), missed=probe.missed, trouble=trouble, whole=whole)


def _has_settled(probe: Probe) -> bool:
    """Wait until there is a baseline, or again one."""
    return probe.wait_answering(consecutive=_BASELINE, timeout_s=_SOON_S)
