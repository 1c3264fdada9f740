"""Which daemon this is: a name that stays with the state folder, outside its git history."""

from __future__ import annotations

import getpass
import os
import platform
import re
import secrets
from pathlib import Path

from ferryman.fleet.ownership import Identity
from ferryman.records import atomic_files
from ferryman.records.errors import RecordError
from ferryman.records.toml_files import content

FILE = "daemon-id"
_BYTES = 8
_ID = re.compile(rb"[0-9a-f]{16}")
_MOST_BYTES = 1024


def read_id(folder: Path) -> str:
    """The id of the folder's daemon; empty where it was never named, or where a power cut left no id in the file."""
    try:
        found = content(folder / FILE, _MOST_BYTES).strip()
    except RecordError:
        return ""
    # It goes into XML and messages: nothing but what was ever made here.
    return found.decode() if _ID.fullmatch(found) else ""


def identity_of(folder: Path) -> Identity:
    """The folder's daemon, named when it is first asked for. Raises StateUnwritableError."""
    known = read_id(folder)
    if not known:
        known = secrets.token_hex(_BYTES)
        atomic_files.replace(folder / FILE, f"{known}\n".encode())
    by = f"{getpass.getuser()}@{platform.node()}, process {os.getpid()}, state folder {folder.absolute()}"
    return Identity(id=known, by=by)
