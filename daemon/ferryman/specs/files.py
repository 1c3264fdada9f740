"""The files of a tree, each on its own: parsed once per content, built into models, problems kept by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ferryman.specs.fields import NAME_PATTERN
from ferryman.specs.fleet_spec import FleetSpec
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.parsing import Table, build, parse
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.source import SpecFile, Tree, is_spec_path
from ferryman.specs.spec_model import SpecModel
from ferryman.specs.vm_spec import VmSpec

FLEET_FILE = "fleet.toml"
HOSTS_FOLDER = "hosts"
VMS_FOLDER = "vms"

M = TypeVar("M", bound=SpecModel)


@dataclass(slots=True)
class ParseCache:
    """Parsed files by path and blob id: what has not changed is not parsed again. Not for several threads."""

    parsed: int = 0
    """How many files were parsed since the start."""
    _tables: dict[tuple[str, str], Table | Problem] = field(default_factory=dict)

    def table(self, file: SpecFile) -> Table | Problem:
        """The file parsed, now or earlier."""
        key = (file.path, file.blob_id)
        if key not in self._tables:
            self._tables[key] = parse(file.path, file.content)
            self.parsed += 1
        return self._tables[key]

    def keep_only(self, files: Iterable[SpecFile]) -> None:
        """Forget what no current file needs."""
        wanted = {(file.path, file.blob_id) for file in files}
        self._tables = {key: table for key, table in self._tables.items() if key in wanted}


@dataclass(slots=True)
class Folder(Generic[M]):
    """The files of `hosts/` or of `vms/`, by the name that the file has without `.toml`."""

    good: dict[str, M] = field(default_factory=dict)
    broken: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    """Of all that parsed, good and broken."""
    blob_ids: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """All that have a file, whatever is in it."""
        return frozenset(self.good.keys() | self.broken.keys())


@dataclass(slots=True, kw_only=True)
class Files:
    """All files of a tree."""

    fleet: FleetSpec | None
    """None: its file is broken, as `fleet_problems` says."""
    fleet_problems: tuple[Problem, ...]
    hosts: Folder[HostSpec]
    vms: Folder[VmSpec]
    refused_folders: tuple[Problem, ...]
    """`hosts` or `vms` itself is no folder: what it holds is unknown, which is not the same as empty."""
    other_problems: tuple[Problem, ...]
    """Of files that belong to no host and no VM."""


def read_files(tree: Tree, cache: ParseCache) -> Files:
    """Parse and build every file of the tree; what has not changed comes from the cache."""
    cache.keep_only(tree.files.values())
    fleet, defaults, fleet_problems = _fleet(tree, cache)
    folders = {HOSTS_FOLDER, VMS_FOLDER}
    return Files(
        fleet=fleet,
        fleet_problems=fleet_problems,
        hosts=_folder(tree, cache, HOSTS_FOLDER, HostSpec, {}),
        vms=_folder(tree, cache, VMS_FOLDER, VmSpec, defaults),
        refused_folders=tuple(problem for path, problem in tree.refused.items() if path in folders),
        other_problems=_strays(tree),
    )


def _fleet(tree: Tree, cache: ParseCache) -> tuple[FleetSpec | None, Mapping[str, Any], tuple[Problem, ...]]:
    """The fleet's spec, its defaults for VMs, its problems. Without a file all defaults hold."""
    if FLEET_FILE in tree.refused:
        return None, {}, (tree.refused[FLEET_FILE],)
    file = tree.files.get(FLEET_FILE)
    if file is None:
        return FleetSpec(), {}, ()
    table = cache.table(file)
    built = (table,) if isinstance(table, Problem) else build(table, FleetSpec)
    if isinstance(built, tuple):
        return None, {}, built
    return built, built.defaults.model_dump(mode="json", exclude_unset=True), ()


def _folder(tree: Tree, cache: ParseCache, folder: str, model: type[M], defaults: Mapping[str, Any]) -> Folder[M]:
    """All files that stand directly in one folder."""
    found: Folder[M] = Folder()
    for path, problem in tree.refused.items():
        name = _name_in(folder, path)
        if name is not None:
            found.broken[name] = (problem,)
    for path, file in tree.files.items():
        name = _name_in(folder, path)
        if name is not None:
            _add(found, name, file, cache.table(file), model, defaults)
    return found


def _add(
    found: Folder[M],
    name: str,
    file: SpecFile,
    table: Table | Problem,
    model: type[M],
    defaults: Mapping[str, Any],
) -> None:
    found.blob_ids[name] = file.blob_id
    if isinstance(table, Problem):
        found.broken[name] = (table,)
        return
    found.tables[name] = table
    built = build(table, model, defaults)
    mismatch = _mismatch(name, table)
    if isinstance(built, tuple) or mismatch:
        found.broken[name] = (*(built if isinstance(built, tuple) else ()), *mismatch)
    else:
        found.good[name] = built


def _mismatch(name: str, table: Table) -> tuple[Problem, ...]:
    """The file's name and its `name` differ; nothing to say where `name` is missing or no text."""
    declared = table.values.get("name")
    if not isinstance(declared, str) or declared == name:
        return ()
    problem = table.problem(
        ("name",),
        code=ProblemCode.NAME_MISMATCH,
        message=f'is "{declared[:60]}", but the file is called {name}.toml',
        remedy="give both the same name: rename the file or change this line",
    )
    return (problem,)


def _name_in(folder: str, path: str) -> str | None:
    """`guest-01` for `vms/guest-01.toml`; None for what is not a spec directly in the folder, or has no fit name.

    The name becomes a file's name in the state folder, so nothing else than a name may pass here.
    """
    parent, _, file_name = path.rpartition("/")
    name = file_name.removesuffix(".toml")
    fits = parent == folder and is_spec_path(path) and re.fullmatch(NAME_PATTERN, name)
    return name if fits else None


def _is_read(path: str) -> bool:
    return path == FLEET_FILE or any(_name_in(folder, path) for folder in (HOSTS_FOLDER, VMS_FOLDER))


def _strays(tree: Tree) -> tuple[Problem, ...]:
    """TOML files that nobody reads as they stand, and refused paths that are no spec."""
    refused = (
        problem
        for path, problem in tree.refused.items()
        if not _is_read(path) and path not in (HOSTS_FOLDER, VMS_FOLDER)
    )
    return (*refused, *(_unread(path) for path in tree.files if not _is_read(path)))


def _unread(path: str) -> Problem:
    folder, _, name = path.rpartition("/")
    shown = path if path.isprintable() else ascii(path)
    right_folder = HOSTS_FOLDER if path.startswith("host") else VMS_FOLDER
    if folder == right_folder:
        message, remedy = "has no fit name", "use letters, digits, dots and hyphens; begin with a letter or digit"
    else:
        message, remedy = "is not read where it stands", f"move it to {right_folder}/{name}"
    return Problem(file=shown, code=ProblemCode.MISPLACED, message=message, remedy=remedy)
