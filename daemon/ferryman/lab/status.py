"""What a lab is made of at this moment, for people and for programs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ferryman.lab import guests, storage_host
from ferryman.lab.allowed import DEFAULT_FOLDER
from ferryman.lab.guests import Sighting
from ferryman.lab.ledger import OPERATOR, Ledger
from ferryman.lab.shell import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """One host."""

    name: str
    address: str
    uri: str
    """How it is reached from the operator's namespace."""
    up: bool
    pid: int | None
    """The process that holds its namespaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageStatus:
    """The storage host."""

    address: str
    pid: int | None
    """The process that holds its namespaces; None: it is gone."""
    silent_daemons: tuple[str, ...]
    """Those that nobody can reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestStatus:
    """One guest on one host; one that several hosts list appears several times."""

    name: str
    address: str | None
    """None: the lab did not add it."""
    host: str | None
    """None: no host that answers lists it."""
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """A lab."""

    folder: str
    complete: bool
    """False: `up` did not come to its end; `down` removes what there is."""
    operator_address: str
    operator_pid: int | None
    hosts: tuple[HostStatus, ...]
    storage: StorageStatus | None
    """None: this lab was brought up without."""
    guests: tuple[GuestStatus, ...]
    silent_hosts: tuple[str, ...]
    """Hosts whose libvirtd did not answer: what they hold is unknown."""
    next_commands: dict[str, str]

    @property
    def sound(self) -> bool:
        """Whether all that there should be answers."""
        silent = self.silent_hosts or (self.storage is not None and self.storage.silent_daemons)
        return self.complete and not silent

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def look(lab: Ledger) -> LabStatus:
    """Ask the hosts that are up."""
    seen, silent = _ask_hosts(lab)
    operator = lab.namespaces.get(OPERATOR)
    return LabStatus(
        folder=str(lab.layout.folder),
        complete=lab.complete,
        operator_address=lab.layout.operator_address,
        operator_pid=operator.holder.pid if operator is not None and operator.alive else None,
        hosts=tuple(_host_status(lab, host.name, host.address) for host in lab.layout.hosts),
        storage=_storage_status(lab) if storage_host.is_there(lab) else None,
        guests=tuple(_guest_statuses(lab, seen)),
        silent_hosts=tuple(silent),
        next_commands=next_commands(lab.layout.folder, lab.layout.hosts[0].name),
    )


def next_commands(folder: Path, host: str) -> dict[str, str]:
    """What can be done with a lab, ready to paste."""
    own = "" if folder == DEFAULT_FOLDER else f" --folder {shlex.quote(str(folder))}"
    inside = f"ferryman lab exec{own} --"
    specs = shlex.quote(str(folder / "specs"))
    return {
        "add a guest": f"ferryman lab guest add guest-01 --on {host}{own}",
        "enter the operator's namespace": f"{inside} bash",
        "ask a host": f"{inside} virsh -c qemu+ssh://root@{host}/system list --all",
        "run the daemon on the lab's specs": f"{inside} ferryman run --specs {specs} --state my-state",
        "break something": f"ferryman lab fault narrow {host} --mbit 40{own}",
        "remove the lab": f"ferryman lab down{own}",
    }


def _ask_hosts(lab: Ledger) -> tuple[list[Sighting], list[str]]:
    seen: list[Sighting] = []
    silent: list[str] = []
    for host in lab.layout.hosts:
        try:
            seen += guests.on_host(lab, host.name)
        except LabError:
            silent.append(host.name)
    return seen, silent


def _host_status(lab: Ledger, name: str, address: str) -> HostStatus:
    held = lab.namespaces.get(name)
    up = held is not None and held.alive
    pid = held.holder.pid if held is not None and up else None
    return HostStatus(name=name, address=address, uri=f"qemu+ssh://root@{name}/system", up=up, pid=pid)


def _storage_status(lab: Ledger) -> StorageStatus:
    address, namespace = lab.layout.storage.address, storage_host.require(lab)
    if not namespace.alive:
        return StorageStatus(address=address, pid=None, silent_daemons=tuple(storage_host.DAEMONS))
    silent = sorted(storage_host.silent(namespace))
    return StorageStatus(address=address, pid=namespace.holder.pid, silent_daemons=tuple(silent))


def _guest_statuses(lab: Ledger, seen: Sequence[Sighting]) -> list[GuestStatus]:
    known = guests.recorded(lab.layout)
    found = []
    for sighting in seen:
        address = known[sighting.guest].address if sighting.guest in known else None
        found.append(GuestStatus(name=sighting.guest, address=address, host=sighting.host, state=sighting.state))
    missing = known.keys() - {sighting.guest for sighting in seen}
    unseen = [
        GuestStatus(name=name, address=known[name].address, host=None, state="not seen") for name in sorted(missing)
    ]
    return found + unseen
