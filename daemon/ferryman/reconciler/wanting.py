"""What is wanted now: the newest revision that can be used, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ferryman.specs.files import ParseCache
from ferryman.specs.loading import Held, Specs, load
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.source import SourceError, SpecSource


@dataclass(slots=True, kw_only=True)
class Wanted:
    """The specs in force. A revision that is held, and a source that cannot be read, leave the last good one."""

    source: SpecSource
    specs: Specs | None = None
    newest_revision: str = ""
    """Of the tree that was read last; another than `specs.revision` while that is held."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the source or the newest revision."""
    _cache: ParseCache = field(default_factory=ParseCache)
    _looked_at: str = ""

    @property
    def unreadable(self) -> bool:
        """The source could not be read at the last look."""
        return any(problem.code is ProblemCode.SOURCE for problem in self.problems)

    def refresh(self) -> None:
        """Look at the source again."""
        try:
            tree = self.source.current()
        except SourceError as error:
            self.problems = (Problem(file="", code=ProblemCode.SOURCE, message=error.reason, remedy=error.remedy),)
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
