"""Why a move is left for a person, and what the person does: a decision like any other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Hold(StrEnum):
    """What both ends say, where no step of ferryman's own is safe. Nothing is touched."""

    RUNS_TWICE = "runs-twice"
    """Two running copies. Each may have written what the other has not."""
    NOWHERE = "nowhere"
    """Neither end has it."""
    TWO_DEFINITIONS = "two-definitions"
    """Both ends have it and it is not known whose disks are newest."""
    MAY_HAVE_RUN = "may-have-run"
    """A copy at the destination is no incoming one: it may have run, and written."""
    MAY_HAVE_LEFT = "may-have-left"
    """Off at the source, absent at the destination: it may have run there and been lost."""
    MEMORY_LOST = "memory-lost"
    """Post-copy, and one end is gone: the guest's memory is lost, its disks at the destination are the newest."""
    ONLY_A_COPY = "only-a-copy"
    """All that is left of the running VM is an incoming copy that never ran."""
    UNASKED = "unasked"
    """The destination has the VM although this move had put none there yet."""
    WENT_ON = "went-on"
    """It had arrived at the destination, and is there no more."""
    RUNS_ELSEWHERE = "runs-elsewhere"
    """Another host of the fleet has it active."""
    CARRIED_OFF = "carried-off"
    """It is off where it is because somebody migrated it away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The move that is held."""

    vm: str
    source: str
    destination: str
    elsewhere: str = "another host"
    """Where it was seen besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One hold in words."""

    reason: str
    remedy: str


def advice(hold: Hold, way: Way) -> Advice:
    """Why, and what to do; the remedy ends with what makes ferryman go on."""
    said = _SAID[hold]
    names = {"vm": way.vm, "source": way.source, "destination": way.destination, "elsewhere": way.elsewhere}
    then = f"Then: ferryman recover {way.vm} --accept"
    return Advice(reason=said.reason.format(**names), remedy=f"{said.remedy.format(**names)} {then}")


_SAID: Mapping[Hold, Advice] = {
    Hold.RUNS_TWICE: Advice(
        reason="it RUNS ON BOTH HOSTS, and each copy may have written what the other has not",
        remedy="At once decide which copy is the right one, and stop the other on its host: virsh destroy {vm}.",
    ),
    Hold.NOWHERE: Advice(
        reason="neither {source} nor {destination} has it",
        remedy=(
            "Look for it on the other hosts (virsh list --all); where it is on none, define it again from a backup "
            "where its newest disks are (virsh define FILE)."
        ),
    ),
    Hold.TWO_DEFINITIONS: Advice(
        reason="both hosts have a definition, and it is not known whose disks are newest",
        remedy=(
            "Compare the disks on both (virsh vol-info, and when they were written); on the host whose disks are "
            "older: virsh undefine {vm} --keep-nvram."
        ),
    ),
    Hold.MAY_HAVE_RUN: Advice(
        reason="the copy on {destination} may have run there, and its disks may be the newest",
        remedy=(
            "To keep it: virsh destroy {vm} on {source} if it is active there, and virsh resume {vm} (or start) on "
            "{destination}. To give it up instead: virsh destroy {vm}, then virsh undefine {vm} --keep-nvram on "
            "{destination}."
        ),
    ),
    Hold.MAY_HAVE_LEFT: Advice(
        reason="it is off on {source}, and may have run on {destination} before it was lost there",
        remedy=(
            "Compare the disks on both (virsh vol-info, and when they were written). Those of {source} are the "
            "newest: virsh start {vm} there. Those of {destination}: virsh dumpxml {vm} on {source}, virsh define and"
            " start it on {destination}, and virsh undefine {vm} --keep-nvram on {source}."
        ),
    ),
    Hold.MEMORY_LOST: Advice(
        reason=(
            "it had left {source} with a part of its memory and the rest is lost; its disks on {destination} are the "
            "newest"
        ),
        remedy=(
            "Boot it from disk on {destination}: virsh destroy {vm} on both; if {destination} has no definition, "
            "virsh dumpxml {vm} on {source} and virsh define it there; virsh start {vm} on {destination}; then virsh "
            "undefine {vm} --keep-nvram on {source}."
        ),
    ),
    Hold.ONLY_A_COPY: Advice(
        reason="what is left of it is a paused copy on {destination} that never ran, and it may be incomplete",
        remedy=(
            "Give it up: virsh destroy {vm} on {destination}; then boot it from disk where it is defined (virsh start"
            " {vm})."
        ),
    ),
    Hold.UNASKED: Advice(
        reason="{destination} has it although this move had put none there: somebody else did",
        remedy=(
            "Decide which one is wanted, and remove the other (virsh destroy {vm} if it is active, then virsh "
            "undefine {vm} --keep-nvram)."
        ),
    ),
    Hold.RUNS_ELSEWHERE: Advice(
        reason="it RUNS ON {elsewhere}, where somebody carried it during its move; a second copy must not be started",
        remedy=(
            "To leave it on {elsewhere}: ferryman recover {vm} --forget, then virsh undefine {vm} --keep-nvram on "
            "{source} and {destination}. To have the move brought to its end instead, first bring it back to {source} "
            "with the disks that it uses now (virsh migrate)."
        ),
    ),
    Hold.CARRIED_OFF: Advice(
        reason="somebody migrated it away during its move, and where it went its disks may be the newest",
        remedy=(
            "Look for it on all hosts (virsh list --all). Where it is, leave it: ferryman recover {vm} --forget, then "
            "virsh undefine {vm} --keep-nvram on {source} and {destination}. If it is on none, and the disks of "
            "{source} are the newest: virsh start {vm} there."
        ),
    ),
    Hold.WENT_ON: Advice(
        reason="it had arrived on {destination} and is there no more: its newest disks may be there or elsewhere",
        remedy=(
            "Look for it on the other hosts (virsh list --all). If it is on none, define and start it where its "
            "newest disks are; virsh undefine {vm} --keep-nvram on {source}, whose disks are old."
        ),
    ),
}
"""Reason and remedy, of each."""
