"""The storage host: NFS and iSCSI servers in user space, for disks that every host reaches.

They run in the foreground, each noted in the ledger, and end with the host's process namespace at the latest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from ferryman.lab import network, shell, storage_files
from ferryman.lab.allowed import STORAGE_HOST
from ferryman.lab.layout import StorageLayout
from ferryman.lab.ledger import OPERATOR, Ledger, make_folder
from ferryman.lab.namespaces import Namespace, hold_host
from ferryman.lab.processes import identify
from ferryman.lab.shell import LabError

_PRIVATE = ("/run", "/var/lib/nfs", "/var/log/ganesha")
"""The storage host has its own of these: sockets, process ids, what NFS remembers of its clients."""
DAEMONS: Mapping[str, int] = {
    "rpcbind": storage_files.RPC_PORT,
    "ganesha.nfsd": storage_files.NFS_PORT,
    "tgtd": storage_files.ISCSI_PORT,
}
"""What listens where when all is up."""
_UP_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.05


def bring_up(ledger: Ledger) -> None:
    """Namespaces, files, cable, daemons; noted in the ledger as it goes. They serve when this returns.

    Raises LabError where one does not within 20 s.
    """
    layout, storage = ledger.layout, ledger.layout.storage
    _write_files(storage)
    namespace = hold_host(STORAGE_HOST, storage.log, ledger.add_process)
    ledger.add_namespace(STORAGE_HOST, namespace)
    for path in _PRIVATE:
        namespace.bind(_own(storage, path), path)
    namespace.bind(layout.hosts_file, "/etc/hosts")
    network.plug_in(layout, ledger.namespace(OPERATOR), storage, namespace)
    _start(ledger, namespace, "tgtd", "--foreground")
    _start(ledger, namespace, "rpcbind", "-f")
    # NFS announces itself to rpcbind once, as it starts.
    _wait_until_served(namespace, storage, {"rpcbind"})
    config, log, pid_file = storage.folder / "ganesha.conf", storage.folder / "ganesha.log", "/run/ganesha.pid"
    _start(ledger, namespace, "ganesha.nfsd", "-F", "-f", str(config), "-L", str(log), "-p", pid_file)
    _wait_until_served(namespace, storage, set(DAEMONS))


def is_there(ledger: Ledger) -> bool:
    """Whether this lab has a storage host, up or not."""
    return STORAGE_HOST in ledger.namespaces


def require(ledger: Ledger) -> Namespace:
    """The storage host's namespace; LabError where this lab has none."""
    if not is_there(ledger):
        raise LabError("this lab has no storage host; run `ferryman lab down`, then `ferryman lab up --storage`")
    return ledger.namespace(STORAGE_HOST)


def silent(namespace: Namespace) -> set[str]:
    """The daemons that nobody can reach; LabError where the host is gone."""
    listed = namespace.run("ss", "--no-header", "--listening", "--tcp", "--numeric").splitlines()
    ports = {line.split()[3].rpartition(":")[2] for line in listed}
    return {name for name, port in DAEMONS.items() if str(port) not in ports}


def _write_files(storage: StorageLayout) -> None:
    for folder in (storage.export, storage.luns, *(_own(storage, path) for path in _PRIVATE)):
        make_folder(folder)
    for path in ("/run/tgtd", "/run/rpcbind", "/run/lock", "/var/lib/nfs/ganesha"):
        make_folder(_own(storage, path))
    (storage.folder / "ganesha.conf").write_text(storage_files.ganesha_conf(storage))


def _start(ledger: Ledger, namespace: Namespace, *argv: str) -> None:
    """Start a daemon in the foreground of nobody's terminal."""
    storage = ledger.layout.storage
    with Path(os.devnull).open("wb") as nowhere:
        pid = shell.start(namespace.enter(argv), stdout=nowhere.fileno(), log=storage.log)
    process = identify(pid)
    if process is None:
        raise LabError(f"{argv[0]} ended as it started; see {storage.log}")
    ledger.add_process(process)


def _wait_until_served(namespace: Namespace, storage: StorageLayout, names: set[str]) -> None:
    deadline = time.monotonic() + _UP_WITHIN_S
    while missing := silent(namespace) & names:
        if time.monotonic() > deadline:
            raise LabError(
                f"{', '.join(sorted(missing))} did not come up; see {storage.log} and {storage.folder}/*.log"
            )
        time.sleep(_LOOK_EVERY_S)


def _own(storage: StorageLayout, path: str) -> Path:
    """Where the storage host's own of a path really is."""
    return storage.folder / path.lstrip("/")
