"""Which source a folder is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ferryman.specs.folder import FolderSource
from ferryman.specs.git import GitSource, git_source
from ferryman.specs.source import Revision, SourceError, SpecSource, Tree, WatchedPlace


@dataclass(slots=True, kw_only=True)
class AwaitedSource:
    """Specs that are not there yet (a disk that is not mounted, a repository that git refuses): looked for each time.

    Once found it stays what it is: a plain folder, as soon as it holds specs, or a repository.
    """

    folder: Path
    ref: str
    last: Revision | None = None
    _found: SpecSource | None = None

    def current(self) -> Tree:
        """Return the newest revision of what is there now. Raises SourceError where nothing is."""
        if self._found is not None:
            return self._found.current()
        source = git_source(self.folder, self.ref, self.last) or FolderSource(folder=self.folder)
        tree = source.current()
        if isinstance(source, GitSource) or tree.files:
            self._found = source
        return tree

    def watched(self) -> tuple[WatchedPlace, ...]:
        """Return the folder, should it be there: what is found later is looked at now and then."""
        return FolderSource(folder=self.folder).watched()


def open_source(path: Path, ref: str = "HEAD", last: Revision | None = None) -> SpecSource:
    """The committed specs where git knows the folder, else the folder itself; what is not there yet is waited for.

    `last`: the revision in force.
    """
    try:
        found = git_source(path, ref, last)
    except SourceError:
        return AwaitedSource(folder=path, ref=ref, last=last)
    if found is not None:
        return found
    plain = FolderSource(folder=path)
    return plain if plain.holds_specs() else AwaitedSource(folder=path, ref=ref, last=last)
