"""What may and what can be sent between two hosts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.planning.past import History
from ferryman.specs.host_spec import HostSpec

_UNKNOWN_MIB_S = 32
"""Until a move has shown better: Ganeti's default, the slowest in use (oVirt 52, Incus and Nova without a cap)."""
_BYTES_PER_MIB = 1024 * 1024
_WHOLE_FROM_MIB_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link carries, one way."""

    bytes_s: int
    basis: str
    is_known: bool = True
    """By past moves or the specs; otherwise a guess that may be far too low."""


def bandwidth_cap_mib_s(source: HostSpec, destination: HostSpec) -> int:
    """The tightest of both hosts' caps and those of the link between them; 0: none."""
    caps = [
        source.limits.bandwidth_mib_s,
        destination.limits.bandwidth_mib_s,
        source.limits.links_mib_s.get(destination.name, 0),
        destination.limits.links_mib_s.get(source.name, 0),
    ]
    return min((cap for cap in caps if cap), default=0)


def link(source: HostSpec, destination: HostSpec, history: History) -> Link:
    """What a move from source to destination will find.

    Learned from past moves that way; else the cap that the specs name, whose author knows the link; else a guess.
    Never more than the cap.
    """
    cap = bandwidth_cap_mib_s(source, destination) * _BYTES_PER_MIB
    seen = history.link_bytes_s(source.name, destination.name)
    if seen is not None:
        bytes_s = min(seen, cap) if cap else seen
        is_known = (source.name, destination.name) in history.sure
        return Link(bytes_s=bytes_s, basis=f"{in_mib_s(bytes_s)} (past moves)", is_known=is_known)
    if cap:
        return Link(bytes_s=cap, basis=f"{in_mib_s(cap)} (the cap in the specs; no move has shown it yet)")
    guess = _UNKNOWN_MIB_S * _BYTES_PER_MIB
    return Link(
        bytes_s=guess,
        basis=f"{in_mib_s(guess)} (a guess: no move has shown it, and no host's spec names it: [limits] links_mib_s)",
        is_known=False,
    )


def in_mib_s(bytes_s: int) -> str:
    """A speed in words: 9.5 MiB/s, 32 MiB/s, 1,000 MiB/s."""
    speed = bytes_s / _BYTES_PER_MIB
    return f"{speed:,.0f} MiB/s" if speed >= _WHOLE_FROM_MIB_S or speed == int(speed) else f"{speed:.1f} MiB/s"
