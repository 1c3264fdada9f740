"""CD-ROM images, which do not move along: taken out before a move, put back where it fails."""

from __future__ import annotations

from collections.abc import Collection

from ferryman.migration.move import Move


def eject(move: Move, targets: Collection[str]) -> None:
    """Empty these drives, each noted in the journal first. Raises FleetError where a guest holds its drive shut."""
    drives, vm = move.ends.source.drives, move.entry.vm
    for medium in drives.media(vm) if targets else ():
        if medium.target in targets:
            move.intent.takes_out(medium)
            drives.eject(vm, medium)


def put_back(move: Move) -> None:
    """What this attempt took out, at the source. Raises FleetError."""
    for medium in move.entry.ejected:
        move.ends.source.drives.insert(move.entry.vm, medium)
