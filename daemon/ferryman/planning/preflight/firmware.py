"""Firmware, its variables and the TPM: whether the destination has the one, and the others come along."""

from __future__ import annotations

from ferryman.fleet.machine import Tpm
from ferryman.planning.decisions import Finding, FindingCode
from ferryman.planning.preflight.ends import Ends, blocker, warning

_PACKAGED = "/usr/"
"""Firmware below this comes with a description that libvirt lists; elsewhere it may be there unlisted."""


def firmware_findings(ends: Ends) -> list[Finding]:
    """A running VM carries its variables and an emulated TPM in its memory; one that is off leaves their files."""
    return [*_loader_findings(ends), *_nvram_findings(ends), *_tpm_findings(ends)]


def _loader_findings(ends: Ends) -> list[Finding]:
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


def _nvram_findings(ends: Ends) -> list[Finding]:
    nvram = ends.vm.needs.nvram
    if not nvram:
        return []
    return [
        blocker(
            FindingCode.NVRAM_STAYS,
            f"its firmware's variables ({nvram}) would stay on {ends.source.host}: a cold move does not carry them",
            "Allow live for it and move it while it runs; or reset them there: virsh start DOMAIN --reset-nvram.",
        )
    ]


def _tpm_findings(ends: Ends) -> list[Finding]:
    match ends.vm.needs.tpm:
        case Tpm.PASSED_THROUGH:
            return [
                blocker(
                    FindingCode.TPM_OF_HOST,
                    f"its TPM is that of {ends.source.host} itself",
                    f"Give it an emulated one: virsh edit {ends.vm.domain.name}, <backend type='emulator'/>",
                )
            ]
        case Tpm.EMULATED:
            return [
                blocker(
                    FindingCode.TPM_STAYS,
                    f"its TPM's state would stay on {ends.source.host}: a cold move does not carry it",
                    "Allow live for it and move it while it runs.",
                )
            ]
        case Tpm.NONE:
            return []
