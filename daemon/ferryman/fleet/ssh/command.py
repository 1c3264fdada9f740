"""The ssh program that libvirt starts, told where the known hosts are.

libvirt's URI can name a key (`keyfile`) and an ssh program (`command`), and no file of known hosts. So for a host whose
spec names one, the program is a script of three lines.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from functools import cache
from pathlib import Path


def ssh_command(host: str, known_hosts: str) -> Path:
    """An ssh that checks this host's key against this file only. Raises OSError."""
    script = _folder() / f"ssh-{host}"
    options = (
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={Path(known_hosts).expanduser()}",
        # libvirt's keepalive begins with the open connection; until then a host that is gone is noticed here.
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
    )
    words = " ".join(shlex.quote(f"-o{option}") for option in (*options, "GlobalKnownHostsFile=/dev/null"))
    script.write_text(f'#!/bin/sh\nexec ssh {words} "$@"\n')
    script.chmod(0o700)
    return script


@cache
def _folder() -> Path:
    """Private to this process, and gone with it."""
    folder = tempfile.TemporaryDirectory(prefix="ferryman-ssh-", dir=os.environ.get("RUNTIME_DIRECTORY"))
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""
