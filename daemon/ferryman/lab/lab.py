"""A whole lab: up, down."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ferryman.lab import (
    accelerator,
    block_devices,
    certificates,
    guest_image,
    host,
    host_files,
    keys,
    ledger,
    namespaces,
    network,
    processes,
    requirements,
    specs_folder,
    storage_host,
)
from ferryman.lab.layout import Layout, MachineLayout
from ferryman.lab.ledger import OPERATOR, Ledger, make_folder
from ferryman.lab.namespaces import Namespace, dwellers
from ferryman.lab.shell import LabError

Tell = Callable[[str], None]
"""Takes a line about the progress."""


def up(layout: Layout, cache: Path, tell: Tell, *, storage: bool = False, no_tls: Iterable[str] = ()) -> Ledger:
    """Bring the lab up, with a storage host if `storage`, and with certificates for all hosts but `no_tls`.

    Raises LabError where one is there already, or a step failed (`down` then removes it).
    """
    if os.geteuid() != 0:
        raise LabError("a lab needs root, for its namespaces; run it with sudo")
    requirements.require(storage=storage)
    if ledger.exists(layout.folder):
        raise LabError(f"a lab is in {layout.folder} already; use it, or run `ferryman lab down` first")
    if layout.folder.is_dir() and any(layout.folder.iterdir()):
        raise LabError(f"{layout.folder} is not empty and no lab's; choose another --folder")
    without = frozenset(layout.host(name).name for name in no_tls)
    make_folder(layout.folder)
    lab = Ledger(layout=layout)
    lab.save()
    keys.write_keys(layout)
    certificates.write_certificates(layout, without)
    tell("the guests' kernel and initramfs")
    guest_image.prepare(layout, cache)
    layout.hosts_file.write_text(host_files.hosts_file(layout))
    tell(f"the switch and the operator's namespace ({layout.operator_address})")
    _open_operator(lab)
    _bring_up_hosts(lab, cache, tell, storage=storage)
    specs_folder.write_fleet(layout)
    lab.complete = True
    lab.save()
    return lab


def down(folder: Path, tell: Tell) -> None:
    """Remove every process, namespace and file of a lab, however much of it there is."""
    if not ledger.exists(folder):
        tell(f"no lab in {folder}")
        return
    lab = ledger.load(folder)
    # A host's process 1 is gone only when all of the host's processes are.
    for process in [held.holder for held in lab.namespaces.values()] + lab.processes:
        processes.end(process)
        processes.reap(process)
    block_devices.detach_all(lab.layout)
    if OPERATOR in lab.namespaces:
        _end_dwellers(lab.layout, lab.operator)
    shutil.rmtree(folder)
    for made in lab.made_folders:
        if made.is_dir() and not any(made.iterdir()) and not namespaces.is_mounted_on(made):
            made.rmdir()
    tell(f"the lab in {folder} is gone")


def root_home() -> Path:
    """Root's home as SSH sees it, whatever HOME says."""
    return Path(pwd.getpwuid(0).pw_dir)


def _open_operator(lab: Ledger) -> None:
    layout = lab.layout
    ssh_folder = root_home() / ".ssh"
    if not ssh_folder.is_dir():
        lab.made_folders.append(ssh_folder)
        lab.save()
        make_folder(ssh_folder, 0o700)
    operator = namespaces.hold_operator(layout.folder / "operator" / "log", lab.add_process)
    lab.add_namespace(OPERATOR, operator)
    operator.bind(layout.operator_ssh, ssh_folder)
    operator.bind(layout.hosts_file, "/etc/hosts")
    network.build_switch(layout, operator)


def _bring_up_hosts(lab: Ledger, cache: Path, tell: Tell, *, storage: bool) -> None:
    home = root_home()
    with ThreadPoolExecutor() as pool:
        trial = pool.submit(accelerator.choose, lab.layout, cache)
        started: dict[MachineLayout, Future[None]] = {
            planned: pool.submit(host.bring_up, lab, planned, home) for planned in lab.layout.hosts
        }
        if storage:
            started[lab.layout.storage] = pool.submit(storage_host.bring_up, lab)
    for planned, outcome in started.items():
        outcome.result()
        tell(f"host {planned.name} ({planned.address})")
    tell(f"guests run with {trial.result().name}")


def _end_dwellers(layout: Layout, operator: Namespace) -> None:
    """End what was left in the operator's namespace: commands that somebody ran there.

    A network namespace's number may have been given to another since; ours is told by its interface.
    """
    for process in dwellers(operator.network_inode):
        if network.is_of_lab(layout, process.pid):
            processes.end(process)
