"""Guests of a lab: add, list, ask, remove."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ferryman.lab import accelerator, block_devices, guest_image, keys, requirements, shell, specs_folder, storage_disks
from ferryman.lab.allowed import check_guest_name
from ferryman.lab.guest_xml import DiskFormat, DiskHome, GuestPlan, Machine, domain_xml
from ferryman.lab.host import virsh
from ferryman.lab.layout import COUNTER_PORT, POOL, Layout
from ferryman.lab.ledger import Ledger, make_folder
from ferryman.lab.namespaces import Namespace
from ferryman.lab.shell import CommandError, LabError

BOOT_TIMEOUT_S = 90.0
_ASK_AGAIN_S = 0.2
_SSH_PORT = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A guest as one host lists it."""

    guest: str
    host: str
    state: str
    """In virsh's words: running, paused, shut off, …"""


def plan(lab: Ledger, name: str, address: str | None) -> GuestPlan:
    """A guest of the default size with a free address; LayoutError where name or address cannot be had."""
    check_guest_name(name)
    known = recorded(lab.layout)
    if name in known:
        raise LabError(f"there is a guest {name} already; choose another name, or `ferryman lab guest remove {name}`")
    taken = [guest.address for guest in known.values()]
    chosen = lab.layout.guest_address(address, taken) if address else lab.layout.free_guest_address(taken)
    return GuestPlan(name=name, address=chosen)


def add(lab: Ledger, guest: GuestPlan, host: str, *, off: bool = False) -> None:
    """Create the disk, define the guest and, unless `off`, start it; it may not answer yet."""
    layout = lab.layout
    namespace = lab.namespace(layout.host(host).name)
    requirements.require_for_guest(uefi=guest.uefi, tpm=guest.tpm)
    if guest.memory_mib < guest.least_memory_mib():
        raise LabError(
            f"guest {guest.name} would run out of memory with {guest.memory_mib} MiB; give it --memory-mib "
            f"{guest.least_memory_mib()} or more"
        )
    _record(layout, guest)
    if guest.disk is DiskHome.COPY:
        _create_volume(namespace, guest)
    elif guest.disk is DiskHome.BLOCK:
        block_devices.add(lab, host, guest.name, guest.disk_mib)
    else:
        storage_disks.create(lab, guest)
    definition = _definition(layout, guest.name)
    definition.write_text(domain_xml(guest, _machine(layout)))
    virsh(namespace, "define", str(definition))
    keys.trust(layout, guest.name, guest.address, guest_image.guest_public_key(layout))
    specs_folder.write_guest(layout, guest.name, host, guest.address)
    if not off:
        virsh(namespace, "start", guest.name)


def wait_until_ready(lab: Ledger, name: str, timeout_s: float = BOOT_TIMEOUT_S) -> int:
    """Wait until the guest counts and answers on port 22; returns its counter. LabError after `timeout_s`."""
    guest = find(lab.layout, name)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        number = _ask_counter(lab, guest.address)
        if number is not None and _listens(lab, guest.address, _SSH_PORT):
            return number
        time.sleep(_ASK_AGAIN_S)
    where = "/var/log/libvirt/qemu"
    raise LabError(f"guest {name} does not answer after {timeout_s:g} s; its console is in {where} on its host")


def counter(lab: Ledger, name: str) -> int:
    """The last number that the guest knows to be on its disk; LabError where it does not answer."""
    guest = find(lab.layout, name)
    number = _ask_counter(lab, guest.address)
    if number is None:
        raise LabError(f"guest {name} ({guest.address}) does not answer; see `ferryman lab guest list`")
    return number


def sightings(lab: Ledger) -> list[Sighting]:
    """Every domain on every host; LabError where a host cannot be asked."""
    return [sighting for host in lab.layout.hosts for sighting in on_host(lab, host.name)]


def on_host(lab: Ledger, host: str) -> list[Sighting]:
    """Every domain of one host; LabError where it cannot be asked."""
    found = []
    for line in virsh(lab.namespace(host), "list", "--all", timeout_s=10).splitlines():
        columns = line.split(maxsplit=2)
        if len(columns) == 3:
            found.append(Sighting(guest=columns[1], host=host, state=columns[2].strip()))
    return found


def remove(lab: Ledger, name: str) -> None:
    """Destroy the guest and delete its disk, on every host that has them; other guests are not touched."""
    guest = find(lab.layout, name)
    for host in lab.layout.hosts:
        namespace = lab.namespace(host.name)
        _remove_domain(namespace, name)
        if guest.disk is DiskHome.COPY:
            _remove_volume(namespace, guest.volume)
        block_devices.remove(lab, host.name, name)
    if guest.disk in (DiskHome.NFS, DiskHome.ISCSI):
        storage_disks.remove(lab, guest)
    # The next guest with this address has another MAC address; the old one would be believed for half a minute.
    lab.operator.run("ip", "neighbour", "flush", "to", guest.address)
    specs_folder.remove_guest(lab.layout, name)
    _definition(lab.layout, name).unlink(missing_ok=True)
    _file(lab.layout, name).unlink()


def recorded(layout: Layout) -> dict[str, GuestPlan]:
    """The guests that were added, by name."""
    plans = [_from_json(path) for path in sorted(layout.guests.glob("*.json"))]
    return {guest.name: guest for guest in plans}


def find(layout: Layout, name: str) -> GuestPlan:
    """The guest of that name; LabError names those there are."""
    known = recorded(layout)
    if name not in known:
        raise LabError(f"there is no guest {name!r}; the lab's guests are: {', '.join(known) or 'none'}")
    return known[name]


def _remove_domain(namespace: Namespace, name: str) -> None:
    if name in virsh(namespace, "list", "--name").split():
        virsh(namespace, "destroy", name)
    # Destroying a transient domain was the end of it.
    if name in virsh(namespace, "list", "--all", "--name").split():
        virsh(namespace, "undefine", name, "--nvram")


def _create_volume(namespace: Namespace, guest: GuestPlan) -> None:
    virsh(namespace, "vol-create-as", POOL, guest.volume, f"{guest.disk_mib}M", "--format", guest.disk_format.value)


def _remove_volume(namespace: Namespace, volume: str) -> None:
    virsh(namespace, "pool-refresh", POOL)
    listed = virsh(namespace, "vol-list", POOL).splitlines()
    if any(line.split()[:1] == [volume] for line in listed):
        virsh(namespace, "vol-delete", volume, POOL)


def _machine(layout: Layout) -> Machine:
    return Machine(
        kernel=str(guest_image.kernel_path(layout)),
        packed_kernel=str(guest_image.packed_kernel_path(layout)),
        initramfs=str(guest_image.initramfs_path(layout)),
        accelerator=accelerator.chosen_for(layout),
        direct_io=accelerator.supports_direct_io(layout.folder),
        prefix_length=layout.subnet.prefixlen,
    )


def _ask_counter(lab: Ledger, address: str) -> int | None:
    """One connection to the counter's port; None where nothing sensible comes back."""
    command = ["busybox", "nc", "-w", "2", address, str(COUNTER_PORT)]
    answer = _try(lab, command)
    return int(answer) if answer is not None and answer.strip().isdigit() else None


def _listens(lab: Ledger, address: str, port: int) -> bool:
    """Whether an SSH server greets there."""
    answer = _try(lab, ["busybox", "nc", "-w", "2", address, str(port)])
    return answer is not None and answer.startswith("SSH-")


def _try(lab: Ledger, command: list[str]) -> str | None:
    lab.operator.require_alive()
    try:
        return shell.attempt(lab.operator.enter(command), timeout_s=5).stdout
    except CommandError:
        return None  # no answer in time


def _file(layout: Layout, name: str) -> Path:
    return layout.guests / f"{name}.json"


def _definition(layout: Layout, name: str) -> Path:
    return layout.guests / f"{name}.xml"


def _record(layout: Layout, guest: GuestPlan) -> None:
    make_folder(layout.guests)
    _file(layout, guest.name).write_text(json.dumps(asdict(guest)))


def _from_json(path: Path) -> GuestPlan:
    content = json.loads(path.read_text())
    kinds = {"disk": DiskHome(content["disk"]), "disk_format": DiskFormat(content["disk_format"])}
    return GuestPlan(**(content | kinds))
