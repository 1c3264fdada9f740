"""What is wanted now: the newest revision that can be used, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ferryman.records.errors import RecordError
from ferryman.records.in_force import read_in_force
from ferryman.specs.files import ParseCache
from ferryman.specs.loading import Held, Specs, load
from ferryman.specs.opening import open_source
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.source import SourceError, SpecSource, Tree


@dataclass(slots=True, kw_only=True)
class Wanted:
    """The specs in force. A revision that is held, and a source that cannot be read, leave the last good one."""

    source: SpecSource
    specs: Specs | None = None
    newest_revision: str = ""
    """Of the tree that was read last; another than `specs.revision` while that is held."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the source or the newest revision."""
    kept: Tree | None = None
    """The files that `specs` come from, each as it was when it was last good; at a start those of the last run."""
    _cache: ParseCache = field(default_factory=ParseCache)
    _looked_at: str = ""

    def __post_init__(self) -> None:
        """What was in force when the last run ended still is."""
        if self.specs is None and self.kept is not None:
            loaded = load(self.kept, None, self._cache)
            self.specs = None if isinstance(loaded, Held) else loaded

    @property
    def unreadable(self) -> bool:
        """The source could not be read at the last look."""
        return any(problem.code is ProblemCode.SOURCE for problem in self.problems)

    def refresh(self) -> None:
        """Look at the source again."""
        try:
            tree = self.source.current()
        except SourceError as error:
            code = ProblemCode.UNTRUSTED if error.held_revision else ProblemCode.SOURCE
            self.problems = (Problem(file="", code=code, message=error.reason, remedy=error.remedy),)
            self.newest_revision = error.held_revision or self.newest_revision
            self._looked_at = ""
            return
        if tree.revision.id == self._looked_at:
            return
        loaded = load(tree, self.specs, self._cache)
        self._looked_at = self.newest_revision = tree.revision.id
        self.problems = loaded.problems
        if isinstance(loaded, Held):
            self.specs = loaded.in_force
        else:
            self.specs = loaded
            self.kept = last_good(tree, loaded.problems, self.kept)


def last_good(tree: Tree, problems: tuple[Problem, ...], before: Tree | None) -> Tree:
    """The tree's good files, and of the others what was kept of them before."""
    broken = {problem.file for problem in problems}
    good = {path: file for path, file in tree.files.items() if path not in broken}
    kept = {path: file for path, file in before.files.items() if path in broken} if before else {}
    return Tree(revision=tree.revision, files=good | kept)


def wanted_in(specs: Path, state: Path) -> Wanted:
    """What a folder of specs wants, as the daemon of this state folder sees it."""
    kept = kept_in(state)
    return Wanted(source=open_source(specs, last=kept.revision if kept else None), kept=kept)


def kept_in(state: Path) -> Tree | None:
    """The specs that the state folder's last run had in force; None where they cannot be read, as the daemon tells."""
    try:
        return read_in_force(state)
    except RecordError:
        return None
