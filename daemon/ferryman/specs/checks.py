"""What only shows when all files are seen together: names that lead nowhere, and names that lead to two places."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set

from ferryman.specs.fields import NAME_PATTERN
from ferryman.specs.files import Files, Folder
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.key_lines import KeyPath
from ferryman.specs.parsing import Table
from ferryman.specs.problems import Problem, ProblemCode, did_you_mean
from ferryman.specs.vm_spec import VmSpec


def unknown_names(files: Files, previous_hosts: Set[str]) -> Mapping[str, tuple[Problem, ...]]:
    """Per VM, the hosts and VMs that it names and that no file describes.

    A host that was in force until now is no slip of this VM: `contradictions` tells of it.
    """
    found = {
        name: (*_unknown_hosts(files, name, vm, previous_hosts), *_unknown_vms(files, name, vm))
        for name, vm in files.vms.good.items()
    } | {
        name: tuple(_unknown_in_broken(files, table, previous_hosts))
        for name, table in files.vms.tables.items()
        if name in files.vms.broken
    }
    return {name: problems for name, problems in found.items() if problems}


def contradictions(files: Files, vms: Iterable[VmSpec], previous_hosts: Set[str]) -> tuple[Problem, ...]:
    """What makes the revision as a whole unusable, given the VM specs that it would put in force."""
    named = {host for vm in vms for host in (vm.host, *(vm.placement.hosts or ()), vm.probe.from_host) if host}
    return (
        *files.refused_folders,
        *_duplicate_names(files.hosts),
        *_duplicate_names(files.vms),
        *_duplicate_uris(files.hosts),
        *_duplicate_addresses(files.hosts),
        *_broken_hosts(files.hosts, named),
        *_removed_hosts(files.hosts, named, previous_hosts),
        *_no_hosts(files.hosts),
    )


def _unknown_hosts(files: Files, name: str, vm: VmSpec, previous_hosts: Set[str]) -> Iterator[Problem]:
    places: list[tuple[KeyPath, str]] = [(("host",), vm.host)]
    places += [(("placement", "hosts", number), host) for number, host in enumerate(vm.placement.hosts or ())]
    if vm.probe.from_host is not None:
        places.append((("probe", "from"), vm.probe.from_host))
    for path, host in places:
        if host not in files.hosts.names and host not in previous_hosts:
            yield _unknown(files.vms.tables[name], path, ProblemCode.UNKNOWN_HOST, host, files.hosts.names)


def _unknown_vms(files: Files, name: str, vm: VmSpec) -> Iterator[Problem]:
    for number, other in enumerate(vm.placement.avoid):
        if other not in files.vms.names:
            path = ("placement", "avoid", number)
            yield _unknown(files.vms.tables[name], path, ProblemCode.UNKNOWN_VM, other, files.vms.names)


def _unknown_in_broken(files: Files, table: Table, previous_hosts: Set[str]) -> Iterator[Problem]:
    """As far as a file that has other errors says names at all: all errors are told at once."""
    lists, probe = _table(table, "placement"), _table(table, "probe")
    hosts: list[tuple[KeyPath, object]] = [
        (("host",), table.values.get("host")),
        (("probe", "from"), probe.get("from")),
    ]
    hosts += _listed(lists, "hosts")
    for path, host in hosts:
        if _is_unknown(host, files.hosts.names | previous_hosts):
            yield _unknown(table, path, ProblemCode.UNKNOWN_HOST, str(host), files.hosts.names)
    for path, vm in _listed(lists, "avoid"):
        if _is_unknown(vm, files.vms.names):
            yield _unknown(table, path, ProblemCode.UNKNOWN_VM, str(vm), files.vms.names)


def _table(table: Table, key: str) -> Mapping[str, object]:
    inner = table.values.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _listed(placement: Mapping[str, object], key: str) -> list[tuple[KeyPath, object]]:
    names = placement.get(key)
    return [(("placement", key, number), name) for number, name in enumerate(names if isinstance(names, list) else ())]


def _is_unknown(name: object, known: Set[str]) -> bool:
    """A text that is no name at all has a problem of its own already."""
    return isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) is not None and name not in known


def _unknown(table: Table, path: KeyPath, code: ProblemCode, name: str, known: Set[str]) -> Problem:
    kind, folder = ("host", "hosts") if code is ProblemCode.UNKNOWN_HOST else ("VM", "vms")
    guess = did_you_mean(name, known)
    remedy = f"did you mean `{guess}`?" if guess else f"add {folder}/{name}.toml, or name one that is there"
    return table.problem(path, code=code, message=f'no {kind} is called "{name}"', remedy=remedy)


def _duplicate_names(folder: Folder[HostSpec] | Folder[VmSpec]) -> Iterator[Problem]:
    tables: dict[str, list[Table]] = defaultdict(list)
    for table in folder.tables.values():
        declared = table.values.get("name")
        if isinstance(declared, str):
            tables[declared].append(table)
    for name, same in tables.items():
        for table in same if len(same) > 1 else ():
            others = ", ".join(other.file for other in same if other is not table)
            yield table.problem(
                ("name",),
                code=ProblemCode.DUPLICATE_NAME,
                message=f'"{name[:60]}" is also the name in {others}',
                remedy="one file for each: remove or rename one of them",
            )


def _duplicate_uris(hosts: Folder[HostSpec]) -> Iterator[Problem]:
    for name, uri, others in _shared(hosts, lambda host: host.uri):
        yield hosts.tables[name].problem(
            ("uri",),
            code=ProblemCode.DUPLICATE_URI,
            message=f"{uri} is also the URI of {others}",
            remedy="one machine is one host: give each its own URI, or remove one of the files",
        )


def _duplicate_addresses(hosts: Folder[HostSpec]) -> Iterator[Problem]:
    """Memory and disks would be sent to the wrong machine."""
    for name, address, others in _shared(hosts, lambda host: host.migration_address):
        yield hosts.tables[name].problem(
            ("migration_address",),
            code=ProblemCode.DUPLICATE_ADDRESS,
            message=f"{address} is also the migration_address of {others}",
            remedy="give each host the address at which the others reach it",
        )


def _shared(hosts: Folder[HostSpec], value_of: Callable[[HostSpec], str | None]) -> Iterator[tuple[str, str, str]]:
    """Each host whose value is also another's: its name, the value, and the others' names. None is nobody's value."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, host in hosts.good.items():
        value = value_of(host)
        if value:
            names[value].append(name)
    for value, same in names.items():
        for name in same if len(same) > 1 else ():
            yield name, value, ", ".join(other for other in same if other != name)


def conflicting_homes(vms: Mapping[str, VmSpec]) -> tuple[Problem, ...]:
    """VMs that must not share a host and have one home: both are there as long as it is in service."""
    return tuple(
        Problem(
            file=f"vms/{name}.toml",
            key="placement.avoid",
            code=ProblemCode.CONFLICTING_HOMES,
            message=f"it avoids {other}, and both have their home on {vm.host}",
            remedy=f"give {name} or {other} another `host`, or take {other} out of avoid",
        )
        for name, vm in sorted(vms.items())
        for other in vm.placement.avoid
        if other in vms and vms[other].host == vm.host
    )


def probed_from_home(vms: Mapping[str, VmSpec]) -> tuple[Problem, ...]:
    """VMs whose prober is at an end of every move to or from their home."""
    return tuple(
        Problem(
            file=f"vms/{name}.toml",
            key="probe.from",
            code=ProblemCode.PROBED_FROM_HOME,
            message=f"it is probed from its own home {vm.host}: the way to its users is left out there",
            remedy="name a third host in [probe] from, or none",
        )
        for name, vm in sorted(vms.items())
        if vm.probe.from_host == vm.host
    )


def _broken_hosts(hosts: Folder[HostSpec], named: Set[str]) -> Iterator[Problem]:
    for name in sorted(named & hosts.broken.keys()):
        yield from hosts.broken[name]


def _removed_hosts(hosts: Folder[HostSpec], named: Set[str], previous_hosts: Set[str]) -> Iterator[Problem]:
    for name in sorted((named & previous_hosts) - hosts.names):
        yield Problem(
            file=f"hosts/{name}.toml",
            code=ProblemCode.HOST_REMOVED,
            message="was removed, but VMs still name this host",
            remedy="bring the file back, move the VMs away (maintenance = true), then remove both",
        )


def _no_hosts(hosts: Folder[HostSpec]) -> Iterator[Problem]:
    if not hosts.names:
        yield Problem(
            file="hosts",
            code=ProblemCode.NO_HOSTS,
            message="holds no host: an empty fleet is taken for a mistake, never for a wish",
            remedy="add hosts/NAME.toml with its name and uri, and see that this is the right folder",
        )
