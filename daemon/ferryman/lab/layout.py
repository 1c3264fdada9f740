"""Where everything of a lab is, and what it is called: pure arithmetic over a folder, names and a subnet."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from ferryman.lab.allowed import STORAGE_HOST, LayoutError, check_folder, check_host_names, network_of

HOST_BRIDGE = "kvmbr0"
"""The bridge of every host that its guests' taps join."""
POOL = "vms"
POOL_PATH = "/var/lib/libvirt/images"
BLOCK_POOL = "blocks"
BLOCK_POOL_PATH = "/var/lib/libvirt/blocks"
"""Of the hosts' block devices."""
TLS_PATH = "/etc/libvirt/tls"
"""Where a host's QEMU finds its certificates."""
COUNTER_PORT = 7777
"""Where a guest publishes the last number that it knows to be on its disk."""

_OPERATOR_OFFSET = 1
_STORAGE_OFFSET = 5
_FIRST_HOST_OFFSET = 11
_FIRST_GUEST_OFFSET = 101
_UUID_SPACE = uuid.UUID("6f3b1f0e-57a5-4b0e-9b1f-8a2f0c5d7e11")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineLayout:
    """What is on the switch: one machine's name, address and folder."""

    name: str
    address: str
    switch_port: str
    """The end of its cable at the switch."""
    folder: Path

    @property
    def log(self) -> Path:
        """What its daemons print."""
        return self.folder / "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLayout(MachineLayout):
    """A host of guests."""

    host_uuid: str
    """What its libvirtd claims to be: libvirt refuses to migrate between equal UUIDs."""

    @property
    def ssh(self) -> Path:
        """What it sees as root's `.ssh`."""
        return self.folder / "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageLayout(MachineLayout):
    """The storage host: where disks are that every host reaches."""

    @property
    def export(self) -> Path:
        """What it exports by NFS."""
        return self.folder / "export"

    @property
    def luns(self) -> Path:
        """What is behind its iSCSI targets."""
        return self.folder / "luns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One lab: every name and path follows from these values."""

    folder: Path
    subnet: IPv4Network
    hosts: tuple[HostLayout, ...]

    @property
    def tag(self) -> str:
        """Tells this lab's interfaces from those of labs in other folders."""
        return tag_of(self.folder)

    @property
    def switch(self) -> str:
        """The bridge in the operator's namespace that all the hosts' cables end in."""
        return f"fm-{self.tag}"

    @property
    def operator_address(self) -> str:
        """The operator's own address, on the switch."""
        return str(self.subnet[_OPERATOR_OFFSET])

    @property
    def storage(self) -> StorageLayout:
        """The storage host, in a lab that has one."""
        return StorageLayout(
            name=STORAGE_HOST,
            address=str(self.subnet[_STORAGE_OFFSET]),
            switch_port="storage",
            folder=self.folder / STORAGE_HOST,
        )

    @property
    def operator_ssh(self) -> Path:
        """What the operator's namespace sees as root's `.ssh`."""
        return self.folder / "operator" / "ssh"

    @property
    def authority(self) -> Path:
        """The key and certificate that sign the hosts' certificates."""
        return self.folder / "authority"

    @property
    def hosts_file(self) -> Path:
        """What every namespace of the lab sees as `/etc/hosts`."""
        return self.folder / "hosts.txt"

    @property
    def image(self) -> Path:
        """The guests' kernel and initramfs; the same path on every host."""
        return self.folder / "image"

    @property
    def guests(self) -> Path:
        """One file per guest that was added."""
        return self.folder / "guests"

    @property
    def specs(self) -> Path:
        """The fleet's specs for this lab, ready to copy."""
        return self.folder / "specs"

    def host(self, name: str) -> HostLayout:
        """The host of that name; LayoutError names the hosts there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LayoutError(f"there is no host {name!r} in this lab; its hosts are {known}")

    def machine(self, name: str) -> MachineLayout:
        """The host of that name, or the storage host, be there one or not; LayoutError names the hosts there are."""
        return self.storage if name == STORAGE_HOST else self.host(name)

    def with_prefix(self, address: str) -> str:
        """10.77.0.11 -> 10.77.0.11/24."""
        return f"{address}/{self.subnet.prefixlen}"

    def free_guest_address(self, taken: Iterable[str]) -> str:
        """The first guest's address that nobody has; LayoutError when the subnet is full."""
        used = set(taken)
        for offset in range(_FIRST_GUEST_OFFSET, self.subnet.num_addresses - 1):
            if (address := str(self.subnet[offset])) not in used:
                return address
        raise LayoutError(f"{self.subnet} has no guest address left; remove a guest, or use a larger --subnet")

    def guest_address(self, wanted: str, taken: Iterable[str]) -> str:
        """`wanted`, where a guest may have it; LayoutError says why not."""
        try:
            address = IPv4Address(wanted)
        except ValueError as error:
            raise LayoutError(f"{wanted!r} is not an IPv4 address; write it like {self.subnet[101]}") from error
        if address not in self.subnet:
            raise LayoutError(f"{wanted} is outside {self.subnet}; choose an address inside it")
        ours = {self.operator_address, self.storage.address, *(host.address for host in self.hosts)}
        if wanted in ours or wanted in set(taken):
            raise LayoutError(f"{wanted} is already taken in this lab; choose another")
        return wanted


def tag_of(folder: Path) -> str:
    """Eight hex digits of the folder's path: short enough for an interface's name (15 characters at most)."""
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def mac_of(guest: str) -> str:
    """A guest's fixed MAC address, in QEMU's range."""
    tail = hashlib.sha256(guest.encode()).digest()[:3]
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in tail)


def plan_layout(folder: Path, names: Sequence[str], subnet: str) -> Layout:
    """Lay out a lab of these hosts. `folder` is absolute; LayoutError where names, subnet or folder cannot serve."""
    network = network_of(subnet)
    check_host_names(names)
    check_folder(folder)
    if _FIRST_HOST_OFFSET + len(names) > _FIRST_GUEST_OFFSET:
        raise LayoutError(f"{len(names)} hosts are too many for one lab; use at most 90")
    hosts = tuple(
        HostLayout(
            name=name,
            address=str(network[_FIRST_HOST_OFFSET + index]),
            host_uuid=str(uuid.uuid5(_UUID_SPACE, f"{folder}/{name}")),
            switch_port=f"port{index}",
            folder=folder / "hosts" / name,
        )
        for index, name in enumerate(names)
    )
    return Layout(folder=folder, subnet=network, hosts=hosts)
