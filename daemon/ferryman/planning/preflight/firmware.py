"""Firmware and the TPM: whether the destination has the one, and the other can leave."""

from __future__ import annotations

from ferryman.fleet.machine import Tpm
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import ReadEnds, blocker, warning

_PACKAGED = "/usr/"
"""Firmware below this comes with a description that libvirt lists; elsewhere it may be there unlisted."""


def firmware_findings(ends: ReadEnds) -> list[Finding]:
    """The firmware is there, and no TPM of the host's own is in use."""
    return [*_loader_findings(ends), *_tpm_findings(ends)]


def _loader_findings(ends: ReadEnds) -> list[Finding]:
    loader, known = ends.vm.needs.loader, ends.fit.loaders
    if not loader or known is None or loader in known:
        return []
    host = ends.destination.reading.host
    say = blocker if loader.startswith(_PACKAGED) else warning
    return [
        say(
            FindingCode.FIRMWARE_MISSING,
            f"{host}'s libvirt knows no firmware {loader} (it knows: {', '.join(sorted(known)) or 'none'})",
            f"Install it there, on Debian: apt install ovmf; then: systemctl restart libvirtd (on {host})",
        )
    ]


def _tpm_findings(ends: ReadEnds) -> list[Finding]:
    if ends.vm.needs.tpm is not Tpm.PASSED_THROUGH:
        return []
    return [
        blocker(
            FindingCode.TPM_OF_HOST,
            f"its TPM is that of {ends.source.host} itself",
            f"Give it an emulated one: virsh edit {ends.vm.domain.name}, <backend type='emulator'/>",
        )
    ]
