"""The probe beside a move: a baseline before it, the outage in it, an answering service after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from ferryman.downtime.attribution import BY_A_KERNEL
from ferryman.downtime.host_probe import HostProbe
from ferryman.downtime.measuring import BASELINE_SAMPLES, longest_outage, measure, unmeasured
from ferryman.downtime.prober import Probe, ProbeError
from ferryman.downtime.values import Measurement, MeasurementStatus, Outage, ProbeFate, ProbeTarget, Sample
from ferryman.downtime.vantage import Vantage
from ferryman.migration.clock import Clock, is_same_boot
from ferryman.records.journal.entry import AnsweredProbe, JournalEntry
from ferryman.specs.vm_spec import ProbeSpec

_BASELINE_SAMPLES = 12
_NS_PER_MS = 1_000_000
_INTERRUPTED = "the move was interrupted and taken up again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """What a witness has to say at the end."""

    measurement: Measurement
    outage: Outage | None = None
    """The longest."""
    samples: tuple[Sample, ...] = ()
    probed_from: str = ""
    """The host that probed; empty: this machine, or nobody."""
    clock_error_ms: float | None = None
    """How far its times may be off from this machine's; None: they are this machine's."""


class Witness:
    """Probes a VM's service from outside while it moves; end it with `conclude`."""

    def __init__(
        self, probe: Probe | None, why_not: str, vantage: Vantage, clock: Clock, host: HostProbe | None = None
    ) -> None:
        """Use `begin` or `resume`."""
        self._probe = probe
        self._host = host
        self._why_not = why_not
        self._vantage = vantage
        self._clock = clock
        self._earlier: tuple[Sample, ...] = ()

    @classmethod
    def begin(
        cls, spec: ProbeSpec, addresses: tuple[str, ...], vantage: Vantage, clock: Clock, *, running: bool
    ) -> Witness:
        """Start probing where there is something to probe."""
        address = spec.address or next(iter(addresses), None)
        if not running:
            return cls(None, "the VM was shut off", vantage, clock)
        if address is None:
            remedy = "set [probe] address in its spec, or run a guest agent in it"
            return cls(None, f"the VM's address is not known: {remedy}", vantage, clock)
        try:
            target = ProbeTarget(address=address, port=spec.port, interval_ms=spec.interval_ms)
            probe = vantage.probe(target)
        except (ProbeError, OSError) as error:
            return cls(None, str(error), vantage, clock)
        return cls(probe, "", vantage, clock, vantage.ping(probe.target) if spec.icmp else None)

    @classmethod
    def resume(cls, entry: JournalEntry, vantage: Vantage, clock: Clock) -> Witness:
        """Probe on where an interrupted attempt left off; what nobody saw meanwhile widens the bounds."""
        watched = entry.watched
        if watched is None or not watched.answers:
            return cls(None, f"{_INTERRUPTED} before its service was seen to answer", vantage, clock)
        if watched.prober != vantage.host:
            return cls(
                None, f"{_INTERRUPTED}, and {watched.prober}, which probed, is in the specs no more", vantage, clock
            )
        target = ProbeTarget(address=watched.address, port=watched.port, interval_ms=watched.interval_ms)
        try:
            probe = vantage.probe(target)
        except (ProbeError, OSError) as error:
            return cls(None, str(error), vantage, clock)
        if not is_same_boot(entry.started_at, watched.started_ns, clock):
            # It can still be seen to answer, and be announced.
            return cls(
                probe, f"{_INTERRUPTED}, and its machine was restarted meanwhile, or its clock set", vantage, clock
            )
        witness = cls(probe, "", vantage, clock)
        witness._earlier = tuple(
            Sample(sent_ns=answer.sent_ns, outcome=ProbeFate.ANSWERED, round_trip_ns=answer.round_trip_ns)
            for answer in watched.answers
        )
        return witness

    def answers(self) -> tuple[AnsweredProbe, ...]:
        """The newest probes, as many as a baseline needs; none unless all were answered."""
        newest = self.samples()[-BASELINE_SAMPLES:]
        if len(newest) < BASELINE_SAMPLES or any(sample.outcome is not ProbeFate.ANSWERED for sample in newest):
            return ()
        return tuple(AnsweredProbe(sent_ns=sample.sent_ns, round_trip_ns=sample.round_trip_ns) for sample in newest)

    @property
    def target(self) -> ProbeTarget | None:
        """What is probed."""
        return self._probe.target if self._probe else None

    def baseline(self) -> None:
        """Wait, shortly, until enough probes were answered to know what is normal.

        A guest that does not answer by then is moved all the same, and its downtime is `unmeasured`.
        """
        if self._probe is not None:
            sending_s = _BASELINE_SAMPLES * self._probe.target.interval_ms / 1000
            self._probe.wait_answering(consecutive=_BASELINE_SAMPLES, timeout_s=self._vantage.baseline_s + sending_s)

    def view(self) -> str:
        """What the probe sees now, in short."""
        if self._probe is None:
            return "not probed"
        seen = self._probe.latest()
        return f"{seen.state}, {seen.answered} answered, {seen.lost} lost"

    def hears_nothing_for(self, wait_s: float) -> bool:
        """Whether nothing comes back to the probes that are sent from now on, for so long; returns at the first answer.

        A refusal is none of a service, but comes from the guest. False also where nothing is probed.
        """
        if self._probe is None:
            return False
        asked_ns = self._clock.monotonic_ns()
        if self._probe.wait_answering(consecutive=1, timeout_s=wait_s) or self._failure():
            return False
        later = (sample for sample in self._probe.samples() if sample.sent_ns > asked_ns)
        return all(sample.outcome not in BY_A_KERNEL for sample in later)

    def samples(self) -> tuple[Sample, ...]:
        """All probes whose fate is known, in the order of sending; none where nothing was probed."""
        return () if self._probe is None else (*self._earlier, *self._probe.samples())

    def conclude(self, *, began_ns: int, undisturbed_until_ns: int, settle_ms: int, patience_s: float) -> Testimony:
        """Wait until the service has answered for `settle_ms`, beginning within `patience_s`; then measure.

        Outages count from `began_ns` on; until `undisturbed_until_ns` the guest's answers show what is usual.
        A service that answers probes and then no real connection is told in the measurement's reason.
        """
        if self._probe is None:
            return Testimony(measurement=unmeasured(None, self._why_not))
        target = self._probe.target
        self._probe.wait_answering(consecutive=1, for_ms=settle_ms, timeout_s=patience_s + settle_ms / 1000)
        ended_ns = self._clock.monotonic_ns()
        failure = self._failure()
        samples = (*self._earlier, *self._probe.stop())
        if self._why_not:
            return Testimony(measurement=unmeasured(target, self._why_not), samples=samples)
        error_ns = round((self._vantage.clock_error_ms or 0.0) * _NS_PER_MS)
        baseline_until_ns, usual_until_ns = began_ns - error_ns, undisturbed_until_ns - error_ns
        measurement = measure(
            samples,
            target=target,
            baseline_until_ns=baseline_until_ns,
            usual_until_ns=usual_until_ns,
            ended_ns=ended_ns,
            failure=failure,
            missed=self._probe.missed,
        )
        measurement = self._doubted(self._checked(measurement), samples, baseline_until_ns)
        if self._host is not None:
            host = self._host.conclude(
                baseline_until_ns=baseline_until_ns, usual_until_ns=usual_until_ns, ended_ns=ended_ns
            )
            measurement = replace(measurement, host=host)
        window = [sample for sample in samples if sample.sent_ns <= ended_ns]
        return Testimony(
            measurement=measurement,
            outage=longest_outage(
                window, target=target, baseline_until_ns=baseline_until_ns, usual_until_ns=usual_until_ns
            ),
            samples=samples,
            probed_from=self._vantage.host,
            clock_error_ms=self._vantage.clock_error_ms if self._vantage.host else None,
        )

    def _failure(self) -> str | None:
        """Why nothing can be heard, and the remedy."""
        if self._probe is None or not (self._vantage.trouble or self._probe.failure):
            return None
        return self._vantage.trouble or f"{self._probe.failure}: see the daemon's log"

    def _checked(self, measurement: Measurement) -> Measurement:
        if measurement.status is not MeasurementStatus.MEASURED:
            return measurement
        check = self._vantage.check(measurement.address, measurement.port)
        return measurement if check.working else replace(measurement, reason=check.reason)

    def _doubted(self, measurement: Measurement, samples: Sequence[Sample], baseline_until_ns: int) -> Measurement:
        """Say where nobody looked for a while."""
        later = samples[len(self._earlier) :]
        unseen = self._earlier and later and later[0].sent_ns > baseline_until_ns
        if not unseen or measurement.reason:
            return measurement
        gap_ms = (later[0].sent_ns - self._earlier[-1].sent_ns) / _NS_PER_MS
        return replace(measurement, reason=f"{_INTERRUPTED}: nobody probed for {gap_ms:,.0f} ms")

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
