"""Whose move a VM is in: a tag in its domain's metadata, for daemons that share hosts and no state folder. Pure.

libvirt keeps one element for each namespace under `<metadata>`, and takes it along when it migrates a domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from xml.etree import ElementTree as ET

NAMESPACE = "urn:ferryman:owner:1"
KEY = "ferryman"
"""The namespace's prefix."""
FRESH_FOR = timedelta(minutes=10)
"""A tag that was not renewed for so long is left over from a daemon that is gone; a migration under way is seen by its
job all the same."""
_MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One daemon: the same after a restart on the same state folder."""

    id: str
    by: str
    """For people: process, machine, state folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who moves the VM."""

    id: str
    by: str
    move: str
    """The attempt's id."""
    renewed_at: datetime


class OwnerTags(Protocol):
    """The tags of one host's VMs that say who moves them."""

    def tag(self, vm: str, owner: Owner) -> None:
        """Write into the VM's metadata who moves it; what was there is replaced. It comes along when it migrates."""
        ...

    def untag(self, vm: str) -> None:
        """Take that away. No tag, or no such VM, is no error."""
        ...

    def owner(self, vm: str) -> Owner | None:
        """Who moves it, by its metadata; None: nobody says so, or the host knows no such VM."""
        ...


class Claim(StrEnum):
    """What a VM's tag says about other daemons."""

    NONE = "none"
    """None of them moves it."""
    AT_WORK = "at work"
    """One of them does."""
    LEFT = "left"
    """One of them did, came to no end, and has not been heard of since."""


def claim_of(owner: Owner | None, me: Identity, now: datetime) -> Claim:
    """By its age. A time in the future is fresh: clocks differ."""
    if owner is None or owner.id == me.id:
        return Claim.NONE
    return Claim.AT_WORK if now - owner.renewed_at < FRESH_FOR else Claim.LEFT


def to_xml(owner: Owner) -> str:
    """The tag as libvirt is given it; it adds the namespace."""
    attributes = {
        "id": owner.id,
        "by": owner.by[:_MOST_CHARACTERS],
        "move": owner.move,
        "renewed": owner.renewed_at.astimezone(UTC).isoformat(timespec="seconds"),
    }
    return ET.tostring(ET.Element("owner", attributes), encoding="unicode")


def of_xml(text: str) -> Owner | None:
    """The tag as libvirt gives it back; None for what is none of ours. Whoever may edit the domain may write it."""
    try:
        element = ET.fromstring(text)
        renewed_at = datetime.fromisoformat(element.get("renewed", ""))
    except (ET.ParseError, ValueError):
        return None
    if renewed_at.tzinfo is None or not element.get("id"):
        return None
    said = {name: element.get(name, "")[:_MOST_CHARACTERS] for name in ("id", "by", "move")}
    return Owner(**said, renewed_at=renewed_at)


def of_domain(xml: str) -> Owner | None:
    """The tag in a domain's definition."""
    element = ET.fromstring(xml).find(f"./metadata/{{{NAMESPACE}}}owner")
    return None if element is None else of_xml(ET.tostring(element, encoding="unicode"))
