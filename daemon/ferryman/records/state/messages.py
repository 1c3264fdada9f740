"""What the state folder's commits say: a subject for people, trailers for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.records.audit.record import MigrationRecord, Outcome, RemovalRecord
from ferryman.records.state.states import FleetState, HostState, VmState

SUBJECT_MOST = 100

LEFT = "no longer in the specs"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitMessage:
    """One commit's message."""

    subject: str
    body: str = ""
    trailers: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """The whole message; ends with a line break. Each trailer is one line, whatever its value held."""
        paragraphs = [_line(self.subject)[:SUBJECT_MOST]]
        if self.body.strip():
            paragraphs.append(self.body.replace("\0", " ").strip())
        if self.trailers:
            paragraphs.append("\n".join(f"{key}: {_line(value)}" for key, value in self.trailers))
        return "\n\n".join(paragraphs) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One observed change that is worth a commit."""

    name: str
    text: str
    trailers: tuple[tuple[str, str], ...] = ()


def migration_message(record: MigrationRecord) -> CommitMessage:
    """The commit that records one attempt."""
    way = f"{record.source} -> {record.destination}"
    if record.outcome is Outcome.SUCCEEDED:
        subject = f"{record.vm}: moved {way} ({record.method}), {_downtime(record.measurement)}"
    else:
        subject = f"{record.vm}: move {way} ({record.method}) {record.outcome}"
    paragraphs = [record.why, f"{record.reason} {record.remedy}".strip(), *record.warnings]
    body = "\n".join(f"{_line(paragraph)}" for paragraph in paragraphs if paragraph)
    return CommitMessage(subject=subject, body=body, trailers=_present(_migration_trailers(record)))


def removals_message(removals: Sequence[RemovalRecord]) -> CommitMessage:
    """The commit of one run of `ferryman gc`; at least one removal."""
    text = [
        f"{removal.vm}: {removal.volume.pool}/{removal.volume.name} on {removal.volume.host}"
        + (" (was gone already)" if removal.was_gone else "")
        for removal in removals
    ]
    trailers = [pair for removal in removals for pair in (("Vm", removal.vm), ("Removal", removal.id))]
    return CommitMessage(
        subject=f"gc: removed {len(removals)} volume{'' if len(removals) == 1 else 's'} left behind",
        body="\n".join(text),
        trailers=tuple(dict.fromkeys(trailers)),
    )


def vm_change(before: VmState | None, after: VmState | None) -> Change | None:
    """What became different about a VM; None where both say the same."""
    if after == before:
        return None
    if after is None:
        return None if before is None else Change(name=before.name, text=LEFT, trailers=(("Vm", before.name),))
    said = ", ".join(f"{condition.type} ({condition.reason})" for condition in after.conditions)
    place = f"{after.power or 'seen'} on {after.host}" if after.host else "not seen"
    return Change(
        name=after.name,
        text=f"{said}, {place}" if said else place,
        trailers=_present((("Vm", after.name), ("Host", after.host or ""))),
    )


def host_change(before: HostState | None, after: HostState | None) -> Change | None:
    """What became different about a host; None where both say the same."""
    if after == before:
        return None
    if after is None:
        return None if before is None else Change(name=before.name, text=LEFT, trailers=(("Host", before.name),))
    return Change(name=after.name, text=_host_said(after), trailers=(("Host", after.name),))


def fleet_change(before: FleetState, after: FleetState) -> Change | None:
    """What became different about the specs in force; None where nothing that is worth a commit."""
    if (before.condition, before.problems) == (after.condition, after.problems) or after.condition is None:
        return None
    return Change(name="specs", text=f"{after.condition.type} ({after.condition.reason}): {after.condition.message}")


def changes_message(changes: Sequence[Change], cause_revision: str = "") -> CommitMessage:
    """The commit of what was observed at one look; at least one change."""
    cause = _present((("Cause-Revision", cause_revision),))
    if len(changes) == 1:
        change = changes[0]
        return CommitMessage(subject=f"{change.name}: {change.text}", trailers=change.trailers + cause)
    return CommitMessage(
        subject=f"Observed {len(changes)} changes: {', '.join(change.name for change in changes)}",
        body="\n".join(f"{change.name}: {_line(change.text)}" for change in changes),
        trailers=tuple(dict.fromkeys(trailer for change in changes for trailer in change.trailers)) + cause,
    )


def _migration_trailers(record: MigrationRecord) -> tuple[tuple[str, str], ...]:
    measurement = record.measurement
    return (
        ("Vm", record.vm),
        ("Vm-Uuid", record.uuid),
        ("From", record.source),
        ("To", record.destination),
        ("Method", record.method),
        ("Outcome", record.outcome),
        ("Cause", record.cause.kind),
        ("Cause-Revision", record.cause.revision),
        ("Downtime-Ms", _ms(measurement.downtime_ms) or measurement.status),
        ("Downtime-Lower-Ms", _ms(measurement.downtime_lower_ms)),
        ("Downtime-Upper-Ms", _ms(measurement.downtime_upper_ms)),
        ("Verdict", record.verdict),
        ("Record", record.id),
    )


def _host_said(host: HostState) -> str:
    if not host.reachable:
        return f"unreachable: {host.reason}" if host.reason else "unreachable"
    if host.drained:
        return "drained"
    if host.maintenance:
        return f"draining, still {_vms(host.remaining)}"
    return f"in service, {_vms(host.vms)}"


def _vms(names: Sequence[str]) -> str:
    return f"{len(names)} VM{'' if len(names) == 1 else 's'}"


def _downtime(measurement: Measurement) -> str:
    match measurement.status:
        case MeasurementStatus.MEASURED:
            return f"downtime {_ms(measurement.downtime_ms)} ms"
        case MeasurementStatus.UNMEASURED:
            return "downtime unmeasured"
        case MeasurementStatus.NOT_BACK:
            return "its service has not come back"


def _present(trailers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in trailers if value)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())
