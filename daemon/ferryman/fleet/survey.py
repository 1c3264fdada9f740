"""A host as it is compared with the others of its fleet: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.fleet.host_facts import HostFacts
from ferryman.fleet.values import HostDetail, Interface
from ferryman.specs.host_spec import HostSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCpu:
    """A host's own processor, as libvirt names it."""

    model: str
    """Empty: libvirt does not know it."""
    features: frozenset[str]
    """What it has beyond the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSurvey:
    """A host, and what its VMs are attached to."""

    detail: HostDetail
    cpu: HostCpu
    attachments: Mapping[str, tuple[Interface, ...]]
    """The network interfaces of each VM, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A host could not be asked, and what mends that."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One host, as far as it could be asked."""

    spec: HostSpec
    facts: HostFacts | Trouble
    """By SSH."""
    survey: HostSurvey | Trouble
    """By libvirt."""
