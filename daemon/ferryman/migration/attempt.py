"""One attempt from its journal entry to its audit record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ferryman.downtime.values import Measurement
from ferryman.downtime.vantage import Vantage, vantage_of
from ferryman.fleet.errors import FleetError
from ferryman.fleet.migrating import Job
from ferryman.fleet.ownership import Identity
from ferryman.migration import tagging
from ferryman.migration.announcing import may_announce
from ferryman.migration.clock import Clock, is_same_boot
from ferryman.migration.cold import transfer as cold
from ferryman.migration.counting import final_job
from ferryman.migration.disks import drives, volumes
from ferryman.migration.disks.clearing import NOTHING_CLEARED, Cleared, clear_source
from ferryman.migration.disks.sharing import require_shared
from ferryman.migration.errors import LeftRunningError
from ferryman.migration.host_pair import HostPair
from ferryman.migration.intent import Intent
from ferryman.migration.live import transfer as live
from ferryman.migration.logbook import DiskProgress, Logbook
from ferryman.migration.move import Move
from ferryman.migration.order import Order, cold_move, image_copy, journal_entry, live_request
from ferryman.migration.progress import progress
from ferryman.migration.reaching import announce_until_answered
from ferryman.migration.recording import Facts, record_of
from ferryman.migration.settling.endings import Ending, obeyed_late
from ferryman.migration.settling.settling import settle
from ferryman.migration.witness import Testimony, Witness
from ferryman.migration.working import THREADS, Work
from ferryman.planning.modes import ImageCopy
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.audit.samples import ProbedMove
from ferryman.records.journal.entry import JournalEntry, Step, Watched
from ferryman.records.journal.journal import Journal
from ferryman.records.progress_files import Progress
from ferryman.specs.choices import Method, SourceDisks
from ferryman.specs.host_spec import HostSpec

_LIVE_PATIENCE_S = 30.0
_BOOT_PATIENCE_S = 180.0


KeepSamples = Callable[[ProbedMove], None]


def keep_none(_move: ProbedMove) -> None:
    """Nobody else wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an attempt works with."""

    ends: HostPair
    journal: Journal
    clock: Clock
    stop: threading.Event
    show: Callable[[Progress], None]
    me: Identity | None = None
    """What VMs are tagged with while they move; None: they are not."""
    work: Work = THREADS
    vantage: Callable[[HostSpec | None], Vantage] = vantage_of
    """Where to probe from."""
    keep_samples: KeepSamples = keep_none
    """Where a move's probes are kept for others to see."""


def carry_out(order: Order, services: Services) -> MigrationRecord | None:
    """Move the VM. None: the daemon stopped first, or a host fell silent; the journal keeps the move open."""
    probe, addresses, vantage = order.spec.probe, order.vm.addresses, services.vantage(order.prober)
    with Witness.begin(probe, addresses, vantage, services.clock, running=order.plan.running) as witness:
        return _witnessed(order, services, witness)


def _witnessed(order: Order, services: Services, witness: Witness) -> MigrationRecord | None:
    plan = order.plan
    entry = journal_entry(order, services.clock.now())
    move = _move(entry, services, witness)
    failure: FleetError | None = None
    begun_ms: float | None = None
    try:
        move.intent.advance(Step.PREPARING)
        tagging.claim(move)
        ready = _prepare(order, move, witness)
        tagging.require_ours(move)
        move.logbook.begins()
        begun_ms = move.logbook.elapsed_ms()
        _transfer(order, move, ready)
    except LeftRunningError:
        return None
    except FleetError as error:
        failure = error
    ending = settle(move, failure, witnessed=True)
    total_ms = move.logbook.elapsed_ms()
    if ending.outcome is None:
        return None
    testimony = _testimony(move, witness, ending, announce=order.spec.probe.announce, settle_ms=order.settle_ms)
    tagging.release(move, ending.outcome)
    _keep_samples(move, services, witness, testimony.measurement)
    cleared = _cleared(order, move, ending, testimony.measurement)
    return _record(move, ending, testimony, Facts(begun_ms=begun_ms, total_ms=total_ms, plan=plan, cleared=cleared))


def _testimony(move: Move, witness: Witness, ending: Ending, *, announce: bool, settle_ms: int) -> Testimony:
    """What the VM's users felt, once its service answers again; a guest that arrived and is silent is announced."""
    move.logbook.report("waiting for the service to answer", None)
    arrived = ending.outcome is Outcome.SUCCEEDED
    if may_announce(move.entry.method, arrived=arrived, allowed=announce):
        announce_until_answered(move, witness.hears_nothing_for)
    return witness.conclude(
        began_ns=move.logbook.began_ns,
        undisturbed_until_ns=move.logbook.undisturbed_until_ns,
        settle_ms=settle_ms,
        patience_s=_patience_s(move.entry.method, ending),
    )


def _keep_samples(move: Move, services: Services, witness: Witness, measurement: Measurement) -> None:
    probed = ProbedMove(
        id=move.entry.id,
        started_ns=move.logbook.started_ns,
        samples=witness.samples(),
        in_time_ms=measurement.in_time_ms,
    )
    services.keep_samples(probed)


def _cleared(order: Order, move: Move, ending: Ending, measurement: Measurement) -> Cleared:
    """The source's disks go last of all, and only where the spec says so."""
    if ending.outcome is not Outcome.SUCCEEDED or order.spec.storage.source_disks is not SourceDisks.DELETE:
        return NOTHING_CLEARED
    move.logbook.report("deleting the source's disks", None)
    return clear_source(move, order.plan, measurement)


def take_up(entry: JournalEntry, services: Services, prober: HostSpec | None = None) -> MigrationRecord | None:
    """Bring a move that was interrupted, by the daemon's end or a host's silence, to its end. None as `carry_out`.

    `prober` is the host that the entry says probes, as the specs have it now.
    """
    watched, clock = entry.watched, services.clock
    with Witness.resume(entry, services.vantage(prober), clock) as witness:
        move = _move(entry, services, witness)
        if watched and watched.answers and is_same_boot(entry.started_at, watched.started_ns, clock):
            move.logbook.taken_up(watched.started_ns, last_sent_ns=watched.answers[-1].sent_ns)
        if tagging.claimed_by(move):
            return None
        ending = settle(move, obeyed_late(entry) if entry.obeyed else None)
        if ending.outcome is None:
            return None
        total_ms = move.logbook.elapsed_ms()
        testimony = _testimony(
            move,
            witness,
            ending,
            announce=watched is not None and watched.announce,
            settle_ms=watched.settle_ms if watched else 0,
        )
        tagging.release(move, ending.outcome)
        _keep_samples(move, services, witness, testimony.measurement)
        return _record(move, ending, testimony, Facts(total_ms=total_ms, recovered=True))


def _prepare(order: Order, move: Move, witness: Witness) -> volumes.Ready:
    with move.logbook.phase("preparing"):
        drives.eject(move, order.plan.adaptation.emptied_drives)
        require_shared(move, order.plan.disks)
        ready = volumes.prepare(move, order.plan.disks, as_bytes=image_copy(order.plan) is ImageCopy.STREAM)
        witness.baseline()
        move.intent.watches(_watched(order, move, witness))
    return ready


def _watched(order: Order, move: Move, witness: Witness) -> Watched | None:
    target, answers = witness.target, witness.answers()
    if target is None or not answers:
        return None
    return Watched(
        address=target.address,
        port=target.port,
        interval_ms=target.interval_ms,
        prober=order.prober.name if order.prober else "",
        settle_ms=order.settle_ms,
        announce=order.spec.probe.announce,
        started_ns=move.logbook.started_ns,
        answers=answers,
    )


def _transfer(order: Order, move: Move, ready: volumes.Ready) -> None:
    plan = order.plan
    if plan.method is Method.COLD:
        cold.transfer(move, cold_move(order, ready))
        return
    with move.logbook.phase("migrating"):
        live.transfer(move, live_request(order, ready))


def _patience_s(method: Method, ending: Ending) -> float:
    boots = method is Method.COLD and ending.outcome is Outcome.SUCCEEDED
    return _BOOT_PATIENCE_S if boots else _LIVE_PATIENCE_S


def _move(entry: JournalEntry, services: Services, witness: Witness) -> Move:
    def tell(phase: str, work: Job | DiskProgress | None) -> None:
        services.show(progress(entry, phase, work, witness.view(), services.clock.now()))
        if entry.method is Method.COLD:
            tagging.renew(move)

    move = Move(
        intent=Intent(entry=entry, journal=services.journal),
        logbook=Logbook(clock=services.clock, tell=tell, started_ns=services.clock.monotonic_ns()),
        ends=services.ends,
        clock=services.clock,
        stop=services.stop,
        me=services.me,
        work=services.work,
    )
    return move


def _record(move: Move, ending: Ending, testimony: Testimony, facts: Facts) -> MigrationRecord:
    migrated = ending.outcome is Outcome.SUCCEEDED and move.entry.method is not Method.COLD
    return record_of(move, ending, testimony, final_job(move) if migrated else None, facts)
