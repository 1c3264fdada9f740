"""Who of several daemons on different machines may act: a lease, told by what each of them sees and when. Pure.

The lease is one ref in a git repository that all of them reach. Whoever holds it writes it anew now and then; whoever
does not watches whether it changes. No two clocks are ever compared: a holder counts from the start of its own last
write, a watcher from when it first saw that write, which is later. Times are nanoseconds of each machine's own clock
that goes on while the machine sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_NS_PER_S = 1_000_000_000
RENEW_EVERY_S = 15.0
LASTS_NS = 60 * _NS_PER_S
"""A lease that was not written anew for so long may be taken by another."""
MARGIN_NS = 10 * _NS_PER_S
"""Its holder stops so much earlier: clocks run at rates that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What the lease says."""

    id: str
    """The daemon's, as in VMs' tags, and its machine's: restarted there, it goes on at once."""
    by: str
    """For people."""
    count: int = 0
    """Another at each write, so that a watcher sees it change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one daemon knows of the lease."""

    tip: str = ""
    """The lease as it was last seen: what git calls its content. Empty: there was none, or nothing was seen yet."""
    holder: Holder | None = None
    seen_ns: int = 0
    """When this tip was seen first."""
    ours_until_ns: int = 0
    """Until then this daemon may act."""
    trouble: str = ""
    """Why the repository could not be asked the last time; empty: it could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """Why this daemon only observes."""

    reason: str
    remedy: str


def saw(view: View, tip: str, holder: Holder | None, now_ns: int) -> View:
    """The repository answered, at this time at the latest."""
    if tip == view.tip:
        return replace(view, trouble="")
    return replace(view, tip=tip, holder=holder, seen_ns=now_ns, trouble="")


def may_take(view: View, me: str, now_ns: int) -> bool:
    """Whether this daemon may write the lease over what it saw there last."""
    if not view.tip or (view.holder is not None and view.holder.id == me):
        return True
    return now_ns - view.seen_ns >= LASTS_NS


def wrote(view: View, tip: str, holder: Holder, began_ns: int) -> View:
    """The daemon's own write is there; others may have seen it since it began."""
    until_ns = began_ns + LASTS_NS - MARGIN_NS
    return replace(view, tip=tip, holder=holder, seen_ns=began_ns, ours_until_ns=until_ns, trouble="")


def observing(view: View, remote: str, now_ns: int) -> Observing | None:
    """Why this daemon may not act now; None: it may."""
    if now_ns < view.ours_until_ns:
        return None
    lasts_s = LASTS_NS // _NS_PER_S
    if view.trouble:
        return Observing(
            reason=f"the lease at {remote} cannot be asked for, so another daemon may hold it: {view.trouble}",
            remedy=f"See whether it answers: git ls-remote {remote}. Moves under way go on meanwhile; none begins.",
        )
    if view.holder is None:
        return Observing(
            reason=f"the lease at {remote} is not this daemon's yet", remedy="Nothing to do: it is being asked for."
        )
    return Observing(
        reason=f"another daemon holds the lease at {remote}: {view.holder.by}",
        remedy=f"Nothing to do: this one takes over when that one has been silent for {lasts_s} s.",
    )
