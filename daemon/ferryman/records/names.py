"""Names that become file names."""

from __future__ import annotations


def checked(name: str) -> str:
    """The name itself; raises ValueError where it would leave its folder or hide in it: the caller's bug."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be a file's name")
    return name
