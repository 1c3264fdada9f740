"""The ssh processes that libvirt's client started: ended, they end the calls that wait for an answer over them.

libvirt's keepalive declares a connection dead and leaves the thread that waits for its input where it is (seen with
9.0: "g_main_loop_quit: assertion 'loop != NULL' failed"). It returned only when libvirtd went on, which crashed the
program in two of three trials. Without its ssh the call fails at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ferryman.specs.models import HostSpec

_PROC = Path("/proc")


def end_ssh_to(spec: HostSpec) -> None:
    """End this process's ssh children that lead to the host. Only where all that goes over them is lost already."""
    url = urlsplit(spec.uri)
    port = spec.ssh.port or url.port
    for pid, argv in _children():
        if leads_to(argv, url.hostname or "", port):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def leads_to(argv: Sequence[str], host: str, port: int | None) -> bool:
    """Whether this is libvirt's call of ssh to that host and port.

    >>> leads_to(["ssh", "-T", "-p", "2222", "-l", "root", "--", "tallinn", "sh -c 'nc -U ...'"], "tallinn", 2222)
    True
    """
    if not argv or Path(argv[0]).name != "ssh" or host not in argv:
        return False
    given = argv[argv.index("-p") + 1] if "-p" in argv[:-1] else None
    return given == (None if port is None else str(port))


def _children() -> Iterator[tuple[int, list[str]]]:
    me = f"PPid:\t{os.getpid()}\n"
    for folder in _PROC.glob("[0-9]*"):
        try:
            if me in (folder / "status").read_text():
                yield int(folder.name), (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has ended meanwhile
