"""Which source a folder is."""

from __future__ import annotations

from pathlib import Path

from ferryman.specs.folder import FolderSource
from ferryman.specs.git import git_source
from ferryman.specs.source import SpecSource


def open_source(path: Path, ref: str = "HEAD") -> SpecSource:
    """The committed specs where git knows the folder, else the folder itself.

    Raises SourceError where a repository is there but git refuses to use it, or git is not installed.
    """
    return git_source(path, ref) or FolderSource(folder=path)
