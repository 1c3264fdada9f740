"""Which daemon this is: a name that stays with the state folder, outside its git history."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from pathlib import Path

from ferryman.fleet.ownership import Identity
from ferryman.records import atomic_files

FILE = "daemon-id"
_BYTES = 8


def read_id(folder: Path) -> str:
    """The id of the folder's daemon; empty where it was never named."""
    path = folder / FILE
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""


def identity_of(folder: Path) -> Identity:
    """The folder's daemon, named when it is first asked for. Raises StateUnwritableError."""
    known = read_id(folder)
    if not known:
        known = secrets.token_hex(_BYTES)
        atomic_files.replace(folder / FILE, f"{known}\n".encode())
    by = f"{getpass.getuser()}@{platform.node()}, process {os.getpid()}, state folder {folder.absolute()}"
    return Identity(id=known, by=by)
