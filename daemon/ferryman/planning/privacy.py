"""Whether a move is encrypted, method by method: memory goes under TLS; disks also by SSH, while their VM is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ferryman.planning.copying import stream_is_encrypted
from ferryman.planning.encryption import HOW_TO, EncryptionChoice, encryption, mirrors_lack
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.methods import candidates
from ferryman.planning.modes import ImageCopy
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.preflight import ReadEnds
from ferryman.specs.choices import Encryption, Method
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import VmSpec

NOTHING_SENT = EncryptionChoice(encrypted=False, plain_because="neither memory nor disks travel")


def cold_encryption(
    wanted: Encryption, way: ImageCopy, over_nbd: EncryptionChoice, *, stream_by_ssh: bool
) -> EncryptionChoice:
    """Of disks that are copied while the VM is off, or is to be. `over_nbd`: what holds where hosts copy directly."""
    streamed = way is ImageCopy.STREAM
    if streamed and stream_by_ssh:
        return EncryptionChoice(encrypted=True)
    if not streamed and (over_nbd.encrypted or wanted is Encryption.OFF):
        return over_nbd
    if streamed:
        because = "its disks go through libvirt's connections, and not both hosts are reached by SSH"
    else:
        because = f"its disks go from host to host over NBD in plain text: {over_nbd.plain_because}"
    remedies = {
        Encryption.REQUIRE: (Severity.BLOCKER, "Give both hosts qemu+ssh URIs, or allow a live method."),
        Encryption.PREFER: (
            Severity.WARNING,
            f'{HOW_TO}; or set encryption = "require": they then go by SSH, while the VM is off.',
        ),
    }
    if wanted not in remedies:
        return EncryptionChoice(encrypted=False, plain_because=because)
    severity, remedy = remedies[wanted]
    found = Finding(code=FindingCode.PLAIN_TEXT, severity=severity, reason=because, remedy=remedy)
    return EncryptionChoice(encrypted=False, plain_because=because, findings=(found,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What holds for the methods that move memory, and for cold."""

    live: EncryptionChoice
    cold: EncryptionChoice

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of both; which method one stands against, its code says."""
        return tuple(dict.fromkeys((*self.live.findings, *self.cold.findings)))

    def by(self, method: Method) -> EncryptionChoice:
        """What holds for this method."""
        return self.cold if method is Method.COLD else self.live


def privacy(
    spec: VmSpec, ends: ReadEnds, disks: Sequence[DiskPlan], way: ImageCopy, hosts: tuple[HostSpec, HostSpec]
) -> Privacy:
    """Of a move between these hosts, by whatever method."""
    copied = any(disk.transfer is DiskTransfer.COPY for disk in disks)
    by_tls = encryption(spec.encryption, ends.source, ends.destination.reading, hosts[1])
    lacking = mirrors_lack(ends.source) if by_tls.encrypted else ""
    over_nbd = EncryptionChoice(encrypted=False, plain_because=lacking) if lacking else by_tls
    by_ssh = stream_is_encrypted(*hosts)
    return Privacy(
        live=by_tls if _may_move_memory(spec, ends) else NOTHING_SENT,
        cold=cold_encryption(spec.encryption, way, over_nbd, stream_by_ssh=by_ssh) if copied else NOTHING_SENT,
    )


def _may_move_memory(spec: VmSpec, ends: ReadEnds) -> bool:
    return any(method is not Method.COLD for method in candidates(spec, ends.vm))
