"""From a tree of files to the specs that are in force: a decision, pure given the tree.

The failure domain is one file: a broken VM file stalls that VM, whose last good spec stays in force. What
contradicts the fleet as a whole holds the revision, and the last good one stays in force altogether.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ferryman.specs.checks import contradictions, unknown_names
from ferryman.specs.files import Files, ParseCache, read_files
from ferryman.specs.fleet_spec import FleetSpec
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.problems import Problem
from ferryman.specs.source import Revision, Tree
from ferryman.specs.vm_spec import VmSpec

GENERATION_CHARACTERS = 12

__all__ = ["Held", "ParseCache", "Specs", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Specs:
    """What is wanted, as of one revision."""

    revision: Revision
    fleet: FleetSpec
    hosts: Mapping[str, HostSpec]
    vms: Mapping[str, VmSpec]
    """A stalled VM is here with its last good spec, or not at all where it never had one."""
    generations: Mapping[str, str]
    """Per VM of `vms`: the first 12 digits of its file's blob id."""
    stalled: Mapping[str, tuple[Problem, ...]]
    """VMs whose own file has problems."""
    problems: tuple[Problem, ...]
    """All problems, those of `stalled` among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A revision that does not come into force, because it contradicts itself as a whole."""

    revision: Revision
    problems: tuple[Problem, ...]
    in_force: Specs | None
    """The last good specs; None: there never were any, and nothing is managed."""


def load(tree: Tree, previous: Specs | None, cache: ParseCache) -> Specs | Held:
    """Decide what a tree puts in force, given what was in force before."""
    files = read_files(tree, cache)
    previous_hosts = previous.hosts if previous else {}
    references = unknown_names(files, previous_hosts.keys())
    stalled = _joined(files.vms.broken, references)
    vms = _vms_in_force(files, stalled.keys(), previous)
    hosts = _hosts_in_force(files, previous_hosts)
    fleet_wide = contradictions(files, vms.values(), previous_hosts.keys())
    problems = _all_problems(files, stalled, fleet_wide)
    if fleet_wide or files.fleet is None or not hosts:
        return Held(revision=tree.revision, problems=problems, in_force=previous)
    return Specs(
        revision=tree.revision,
        fleet=files.fleet,
        hosts=hosts,
        vms=vms,
        generations=_generations(files, vms.keys(), stalled.keys(), previous),
        stalled=stalled,
        problems=problems,
    )


def _joined(
    first: Mapping[str, tuple[Problem, ...]], second: Mapping[str, tuple[Problem, ...]]
) -> dict[str, tuple[Problem, ...]]:
    return {name: (*first.get(name, ()), *second.get(name, ())) for name in sorted({*first, *second})}


def _vms_in_force(files: Files, stalled: Iterable[str], previous: Specs | None) -> dict[str, VmSpec]:
    """The good specs of this revision, and the last good ones of the VMs that stall."""
    stalling = frozenset(stalled)
    good = {name: vm for name, vm in files.vms.good.items() if name not in stalling}
    before = previous.vms if previous else {}
    return good | {name: before[name] for name in stalling if name in before}


def _hosts_in_force(files: Files, previous_hosts: Mapping[str, HostSpec]) -> dict[str, HostSpec]:
    """As for VMs; a broken host that a VM names holds the revision anyway."""
    kept = {name: previous_hosts[name] for name in files.hosts.broken if name in previous_hosts}
    return kept | dict(files.hosts.good)


def _generations(files: Files, names: Iterable[str], stalled: Iterable[str], previous: Specs | None) -> dict[str, str]:
    """Which content of its file each VM's spec comes from."""
    stalling = frozenset(stalled)
    before = previous.generations if previous else {}
    return {
        name: before[name] if name in stalling else files.vms.blob_ids[name][:GENERATION_CHARACTERS] for name in names
    }


def _all_problems(
    files: Files, stalled: Mapping[str, tuple[Problem, ...]], fleet_wide: Iterable[Problem]
) -> tuple[Problem, ...]:
    of_files = (*files.fleet_problems, *files.other_problems)
    of_hosts = (problem for found in files.hosts.broken.values() for problem in found)
    of_vms = (problem for found in stalled.values() for problem in found)
    return tuple(sorted({*of_files, *of_hosts, *of_vms, *fleet_wide}))
