"""What a person can do about what libvirt says, by its words. Pure."""

from __future__ import annotations

import re

_BY_WORDS = {
    r"unused port in range 'migration'": "As root on the destination, see who listens: ss -ltnp; or widen "
    "migration_port_min and migration_port_max in its /etc/libvirt/qemu.conf (and its firewall)",
    r"cannot acquire state change lock": "Another of libvirt's jobs holds the VM: virsh domjobinfo VM on {host}; where "
    "its QEMU hangs, none ends before it",
    r"[Nn]o space left on device": "Free space where the disk arrives: df -h on the destination",
    r"Input/output error": "A disk, or the way to it, fails at one of the hosts: dmesg --level=err on both says which",
    r"[Cc]annot allocate memory": "Free memory on {host}: free -m, virsh nodememstats",
}
"""Messages of libvirt's src/util/virportallocator.c, src/hypervisor/domain_job.c and of errno, and what mends each."""


def remedy_for(message: str, host: str) -> str:
    """One line; where the words are none that are known, where to read on."""
    for words, remedy in _BY_WORDS.items():
        if re.search(words, message):
            return remedy.replace("{host}", host) + "."
    return f"See libvirtd's log on {host}: journalctl --unit=libvirtd --lines=50."
