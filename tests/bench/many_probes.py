"""Many services probed at once: does one prober for fifty, at 100 probes a second each, see what one alone sees?

Fifty services on loopback addresses; then one alone. Shown: how far apart a target's probes were, their round trips,
the slots missed, and what it cost. It fails unless with fifty no outage is seen, a thousandth of the slots at most is
missed, and 99 of 100 probes are at most a tenth later than their interval.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from accuracy_cases import share

from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe
from ferryman.downtime.values import ProbeTarget

MANY, INTERVAL_MS, SECONDS = 50, 10.0, 15.0
MOST_MISSED, MOST_LATE = 0.001, 1.1
_WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the probes of several services saw together; ms."""

    targets: int
    probes: int
    missed: int
    outages: int
    apart_p50: float
    apart_p99: float
    apart_max: float
    round_trip_p50: float
    round_trip_p99: float
    cores: float
    """What the prober took, of one core."""

    @property
    def missed_share(self) -> float:
        """Of all slots."""
        return self.missed / (self.probes + self.missed)


def cpu_s(pid: int | None) -> float:
    """What a process has used (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(count: int) -> Seen:
    """Probe so many services for SECONDS."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((f"127.0.2.{number + 1}", 0))) for number in range(count)]
        targets = [
            ProbeTarget(address=address, port=port, interval_ms=INTERVAL_MS)
            for address, port in (listener.getsockname() for listener in listeners)
        ]
        probes = [stack.enter_context(Probe.start(target)) for target in targets]
        time.sleep(_WARM_UP_S)
        begun_ns, begun_s = time.monotonic_ns(), cpu_s(probes[0].pid)
        missed = sum(probe.missed for probe in probes)
        time.sleep(SECONDS)
        ended_ns, used_s = time.monotonic_ns(), cpu_s(probes[0].pid) - begun_s
        missed = sum(probe.missed for probe in probes) - missed
        all_samples = [probe.stop() for probe in probes]
    outages = sum(
        measure(samples, target=target, baseline_until_ns=begun_ns, ended_ns=ended_ns).outages
        for target, samples in zip(targets, all_samples, strict=True)
    )
    windows = [[one for one in samples if begun_ns <= one.sent_ns <= ended_ns] for samples in all_samples]
    apart = [(later.sent_ns - sooner.sent_ns) / 1e6 for window in windows for sooner, later in pairwise(window)]
    round_trips = [one.round_trip_ns / 1e6 for window in windows for one in window]
    return Seen(
        targets=count,
        probes=len(round_trips),
        missed=missed,
        outages=outages,
        apart_p50=share(apart, 0.5),
        apart_p99=share(apart, 0.99),
        apart_max=max(apart),
        round_trip_p50=share(round_trips, 0.5),
        round_trip_p99=share(round_trips, 0.99),
        cores=used_s / SECONDS,
    )


def judge(many: Seen) -> Sequence[str]:
    """What was promised and not kept."""
    misses = []
    if many.outages:
        misses.append(f"{many.outages} false outages")
    if many.missed_share > MOST_MISSED:
        misses.append(f"{many.missed} of {many.probes} slots missed")
    if many.apart_p99 > MOST_LATE * INTERVAL_MS:
        misses.append(f"probes {many.apart_p99:.2f} ms apart")
    return misses


def main() -> None:
    """Run it."""
    many, one = watch(MANY), watch(1)
    for seen in (many, one):
        print(
            f"{seen.targets} targets, {seen.probes} probes, {seen.missed} slots missed, {seen.outages} outages; "
            f"apart p50 {seen.apart_p50:.2f} p99 {seen.apart_p99:.2f} max {seen.apart_max:.2f} ms; "
            f"round trips p50 {seen.round_trip_p50:.3f} p99 {seen.round_trip_p99:.3f} ms; {seen.cores:.2f} cores"
        )
    misses = judge(many)
    print(*(f"MISSED {miss}" for miss in misses), sep="\n")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
