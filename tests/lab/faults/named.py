"""The named faults as values: `named.toml`, read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_FILE = Path(__file__).with_name("named.toml")


class Ends(StrEnum):
    """How a trial ends, once its fault is gone."""

    ARRIVES = "arrives"
    """It runs where its spec wants it."""
    OFF = "off"
    """It is there, and off: the guest, or its QEMU, ended."""
    HELD = "held"
    """A person must decide, and is told what; once that is done, it runs where its spec wants it."""
    EITHER = "either"
    """One of these: faults that were put together by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFault:
    """One row."""

    name: str
    does: tuple[str, ...]
    first: tuple[str, ...] = ()
    """What is done beforehand, so that it can meet the move."""
    method: str = "live"
    when: str = "before"
    lasts_s: float = 0.0
    says: str = ""
    ends: Ends = Ends.ARRIVES
    quick: bool = False
    """One of the half that `make test` runs, too."""


def named_faults() -> tuple[NamedFault, ...]:
    """All of them, in the file's order."""
    rows = tomllib.loads(_FILE.read_text())["fault"]
    return tuple(
        NamedFault(
            **{
                **row,
                "first": tuple(row.get("first", ())),
                "does": tuple(row["does"]),
                "ends": Ends(row.get("ends", Ends.ARRIVES)),
            }
        )
        for row in rows
    )
