"""The probe beside a move: a baseline before it, the outage in it, an answering service after it."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self

from ferryman.downtime.banner import check_service
from ferryman.downtime.host_probe import HostProbe
from ferryman.downtime.measuring import measure, unmeasured
from ferryman.downtime.prober import Probe, ProbeError
from ferryman.downtime.tally import RECENT
from ferryman.downtime.values import Measurement, MeasurementStatus, ProbeTarget
from ferryman.migration.clock import Clock
from ferryman.specs.models import ProbeSpec

_BASELINE_SAMPLES = 12
_BASELINE_TIMEOUT_S = 0.4
"""A guest that does not answer by then is moved all the same, and its downtime is `unmeasured`."""


class Witness:
    """Probes a VM's service from outside while it moves; end it with `conclude`."""

    def __init__(self, probe: Probe | None, why_not: str, clock: Clock, host: HostProbe | None = None) -> None:
        """Use `begin`."""
        self._probe = probe
        self._host = host
        self._why_not = why_not
        self._clock = clock

    @classmethod
    def begin(cls, spec: ProbeSpec, addresses: tuple[str, ...], clock: Clock, *, running: bool) -> Witness:
        """Start probing where there is something to probe."""
        address = spec.address or next(iter(addresses), None)
        if not running:
            return cls(None, "the VM was shut off", clock)
        if address is None:
            remedy = "set [probe] address in its spec, or run a guest agent in it"
            return cls(None, f"the VM's address is not known: {remedy}", clock)
        try:
            target = ProbeTarget(address=address, port=spec.port, interval_ms=spec.interval_ms)
            probe = Probe.start(target)
        except (ProbeError, OSError) as error:
            return cls(None, str(error), clock)
        return cls(probe, "", clock, HostProbe.start(probe.target) if spec.icmp else None)

    def baseline(self) -> None:
        """Wait, shortly, until enough probes were answered to know what is normal."""
        if self._probe is not None:
            self._probe.wait_answering(consecutive=_BASELINE_SAMPLES, timeout_s=_BASELINE_TIMEOUT_S)

    def view(self) -> str:
        """What the probe sees now, in short."""
        if self._probe is None:
            return "not probed"
        seen = self._probe.latest()
        return f"{seen.state}, {seen.answered} answered, {seen.lost} lost"

    def conclude(self, *, undisturbed_until_ns: int, settle_ms: int, patience_s: float) -> Measurement:
        """Wait until the service has answered for `settle_ms`, at most `patience_s`; then measure.

        A service that answers probes and then no real connection is told in the measurement's reason.
        """
        if self._probe is None:
            return unmeasured(None, self._why_not)
        target = self._probe.target
        consecutive = max(1, min(RECENT, int(settle_ms / target.interval_ms)))
        self._probe.wait_answering(consecutive=consecutive, timeout_s=patience_s)
        ended_ns = self._clock.monotonic_ns()
        failure = self._probe.failure
        measurement = measure(
            self._probe.stop(),
            target=target,
            baseline_until_ns=undisturbed_until_ns,
            ended_ns=ended_ns,
            failure=failure,
            missed=self._probe.missed,
        )
        if self._host is not None:
            host = self._host.conclude(baseline_until_ns=undisturbed_until_ns, ended_ns=ended_ns)
            measurement = replace(measurement, host=host)
        return _checked(measurement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop probing, measured or not."""
        if self._probe is not None:
            self._probe.stop()
        if self._host is not None:
            self._host.stop()


def _checked(measurement: Measurement) -> Measurement:
    if measurement.status is not MeasurementStatus.MEASURED:
        return measurement
    check = check_service(measurement.address, measurement.port)
    return measurement if check.working else replace(measurement, reason=check.reason)
