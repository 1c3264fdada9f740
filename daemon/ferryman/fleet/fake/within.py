"""A fake host from within: what commands on it find, and what its libvirt says of other machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ferryman.fleet.host_facts import Clock, Folder, HostFacts, Peer, PeerFacts, Reach
from ferryman.fleet.machine import CpuFit, Fit, MachineNeeds
from ferryman.fleet.survey import HostCpu

_CPU = HostCpu(model="EPYC", features=frozenset({"x2apic"}))


@dataclass(slots=True, kw_only=True)
class Within:
    """What a test may change of it; as it is, nothing is wrong."""

    user: str = "root"
    groups: frozenset[str] = frozenset({"root"})
    clock_ahead_ms: int = 0
    stp_bridges: frozenset[str] = frozenset()
    unprivileged_userfaultfd: bool = False
    qemu_user: str = "root"
    file_system: str = "ext4"
    folders_open_to_qemu: bool = True
    unreached: dict[str, str] = field(default_factory=dict)
    """Peers that its libvirtd does not reach, and what virsh says then."""
    closed_ports: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By peer."""
    cpu: HostCpu = _CPU
    cpu_lacks: str = ""
    """What its libvirt says of every processor that a VM names; empty: it can provide it."""
    emulators: frozenset[str] = frozenset({"/usr/bin/qemu-system-x86_64"})
    loaders: frozenset[str] = frozenset({"/usr/share/OVMF/OVMF_CODE_4M.fd"})

    def fit(self, needs: MachineNeeds) -> Fit:
        """As this host's libvirt compares."""
        found = not needs.emulator or needs.emulator in self.emulators
        if not found:
            return Fit(emulator=False)
        lacking = bool(needs.cpu_xml and self.cpu_lacks)
        return Fit(
            cpu=CpuFit.LACKING if lacking else CpuFit.FITS,
            cpu_says=self.cpu_lacks if lacking else "",
            emulator=True,
            virtualization=True,
            loaders=self.loaders,
        )

    def facts(self, host: str, folders: Sequence[str], peers: Sequence[tuple[Peer, bool]]) -> HostFacts:
        """As a command there finds them; each peer with whether there is such a host."""
        return HostFacts(
            host=host,
            by_ssh=True,
            user=self.user,
            groups=self.groups,
            clock=Clock(ahead_ms=self.clock_ahead_ms, error_ms=1),
            stp_bridges=self.stp_bridges,
            unprivileged_userfaultfd=self.unprivileged_userfaultfd,
            qemu_user=self.qemu_user,
            folders={
                path: Folder(file_system=self.file_system, open_to_qemu=self.folders_open_to_qemu) for path in folders
            },
            peers={peer.name: self._way(peer, there=there) for peer, there in peers},
        )

    def _way(self, peer: Peer, *, there: bool) -> PeerFacts:
        if not there:
            return PeerFacts(uri=peer.uri, libvirtd=Reach.FAILED, says="Could not resolve hostname")
        says = self.unreached.get(peer.name, "")
        return PeerFacts(
            uri=peer.uri,
            libvirtd=Reach.FAILED if says else Reach.REACHED,
            says=says,
            closed_ports=self.closed_ports.get(peer.name, ()),
        )
