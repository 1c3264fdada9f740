"""Run by a libvirtd in the place of its QEMU: it says that it is QEMU 6.1, and does all else as the real one does.

libvirt asks a QEMU what it is over a socket that it names among the arguments; between that and the real QEMU's this
changes the version.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

REAL = "/run/real-qemu"
_SAYS, _IS_TOLD = b'"minor": 2, "major": 7', b'"minor": 1, "major": 6'


def main(arguments: list[str]) -> None:
    if "-qmp" not in arguments or not arguments[arguments.index("-qmp") + 1].startswith("unix:"):
        sys.exit(subprocess.run([REAL, *arguments], check=False).returncode)
    at = arguments.index("-qmp") + 1
    path = arguments[at].removeprefix("unix:").partition(",")[0]
    arguments[at] = arguments[at].replace(path, f"{path}.real")
    started = subprocess.run([REAL, *arguments], check=False)
    if started.returncode:
        sys.exit(started.returncode)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    if os.fork() == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):  # libvirt waits until nobody holds what it gave to this program
            os.dup2(nowhere, stream)
        between(listening.accept()[0], f"{path}.real")


def between(asking: socket.socket, path: str) -> None:
    real = socket.socket(socket.AF_UNIX)
    real.connect(path)
    threading.Thread(target=carry, args=(asking, real), daemon=True).start()
    carry(real, asking)


def carry(source: socket.socket, destination: socket.socket) -> None:
    while said := source.recv(1 << 20):
        destination.sendall(said.replace(_SAYS, _IS_TOLD))


main(sys.argv[1:])
