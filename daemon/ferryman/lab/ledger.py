"""What a lab consists of, written before the next step is taken: whatever happens, `down` finds it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from ferryman.lab.layout import Layout, plan_layout
from ferryman.lab.namespaces import Namespace
from ferryman.lab.processes import Process
from ferryman.lab.shell import LabError

OPERATOR = "operator"
_FILE = "lab.json"


@dataclass(slots=True, kw_only=True)
class Ledger:
    """One lab's hosts, namespaces and processes."""

    layout: Layout
    complete: bool = False
    """`up` came to its end."""
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    """The operator's, the hosts' and the storage host's, by name."""
    processes: list[Process] = field(default_factory=list)
    """All that was started and must be gone after `down`."""
    made_folders: list[Path] = field(default_factory=list)
    """Folders outside the lab's own that had to be made; `down` removes them where empty."""

    _writing: Lock = field(default_factory=Lock, repr=False)
    """The hosts come up at the same time."""

    def add_process(self, process: Process) -> None:
        """Note it down at once."""
        with self._writing:
            self.processes.append(process)
            self.save()

    def add_namespace(self, name: str, namespace: Namespace) -> None:
        """Note it down at once."""
        with self._writing:
            self.namespaces[name] = namespace
            self.save()

    def namespace(self, name: str) -> Namespace:
        """The namespace of the operator or of a host; LabError where the lab has none."""
        if name not in self.namespaces:
            raise LabError(f"{name} is not up in this lab; run `ferryman lab down`, then `ferryman lab up`")
        return self.namespaces[name]

    @property
    def operator(self) -> Namespace:
        """Where the switch is, and whatever talks to the lab."""
        return self.namespace(OPERATOR)

    def save(self) -> None:
        """Replace the file as a whole."""
        path = self.layout.folder / _FILE
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(_to_json(self), indent=1))
        draft.replace(path)


def exists(folder: Path) -> bool:
    """Whether the folder is a lab's, up or half built."""
    return (folder / _FILE).is_file()


def load(folder: Path) -> Ledger:
    """Read a lab's ledger; LabError where there is none or it cannot be read."""
    try:
        return _from_json(folder, json.loads((folder / _FILE).read_text()))
    except FileNotFoundError as error:
        raise LabError(f"no lab is up in {folder}; run `ferryman lab up`, or name its --folder") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{folder / _FILE} cannot be read ({error!r}); was it written by another version?") from error


def boot_id() -> str:
    """Which run of the machine this is: process ids mean nothing in another."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _to_json(ledger: Ledger) -> dict[str, Any]:
    return {
        "hosts": [host.name for host in ledger.layout.hosts],
        "subnet": str(ledger.layout.subnet),
        "boot_id": boot_id(),
        "complete": ledger.complete,
        "namespaces": {name: _namespace_to_json(held) for name, held in ledger.namespaces.items()},
        "processes": [_process_to_json(process) for process in ledger.processes],
        "made_folders": [str(path) for path in ledger.made_folders],
    }


def _from_json(folder: Path, content: dict[str, Any]) -> Ledger:
    same_boot = content["boot_id"] == boot_id()
    namespaces = content["namespaces"] if same_boot else {}
    return Ledger(
        layout=plan_layout(folder, content["hosts"], content["subnet"]),
        complete=content["complete"],
        namespaces={name: _namespace_from_json(held) for name, held in namespaces.items()},
        processes=[_process_from_json(entry) for entry in content["processes"]] if same_boot else [],
        made_folders=[Path(path) for path in content["made_folders"]],
    )


def _namespace_to_json(held: Namespace) -> dict[str, Any]:
    return {
        "holder": _process_to_json(held.holder),
        "keeper": None if held.keeper is None else _process_to_json(held.keeper),
        "network_inode": held.network_inode,
    }


def _namespace_from_json(content: dict[str, Any]) -> Namespace:
    return Namespace(
        holder=_process_from_json(content["holder"]),
        keeper=None if content["keeper"] is None else _process_from_json(content["keeper"]),
        network_inode=content["network_inode"],
    )


def _process_to_json(process: Process) -> dict[str, int]:
    return {"pid": process.pid, "start_ticks": process.start_ticks}


def _process_from_json(content: dict[str, int]) -> Process:
    return Process(pid=content["pid"], start_ticks=content["start_ticks"])


def make_folder(path: Path, mode: int = 0o755) -> Path:
    """Make a folder with this mode, whatever the umask is; returns it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path
