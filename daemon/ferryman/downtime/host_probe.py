"""The second probe, by ICMP echo: was the host away, or only its service?"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from ferryman.downtime import ping_process
from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe
from ferryman.downtime.prober_program import LocalProgram
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import HostFigures, MeasurementStatus, ProbeTarget

_PINGS = SharedProber(lambda: LocalProgram.launch(Path(ping_process.__file__)))


class HostProbe:
    """Pings the probed address beside the probe of its port; end it with `conclude` or `stop`."""

    def __init__(self, probe: Probe | None, why_not: str) -> None:
        """Use `start`."""
        self._probe = probe
        self._why_not = why_not

    @classmethod
    def start(cls, target: ProbeTarget) -> Self:
        """Begin; where that is not possible, the figures will say why."""
        try:
            return cls(Probe.start(target, _PINGS), "")
        except OSError as error:
            return cls(None, f"{error}: see that this machine can start processes")

    def conclude(self, *, baseline_until_ns: int, ended_ns: int, usual_until_ns: int = 0) -> HostFigures:
        """What it saw; the moments are those of `measure`."""
        if self._probe is None:
            return HostFigures(status=MeasurementStatus.UNMEASURED, reason=self._why_not)
        failure = self._probe.failure
        target, samples = self._probe.target, self._probe.stop()
        found = measure(
            samples,
            target=target,
            baseline_until_ns=baseline_until_ns,
            usual_until_ns=usual_until_ns,
            ended_ns=ended_ns,
            failure=failure,
        )
        return HostFigures(
            status=found.status,
            reason=found.reason,
            downtime_ms=found.downtime_ms,
            lower_ms=found.downtime_lower_ms,
            upper_ms=found.downtime_upper_ms,
            outages=found.outages,
        )

    def stop(self) -> None:
        """Ping no more, measured or not."""
        if self._probe is not None:
            self._probe.stop()
