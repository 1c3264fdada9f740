"""Trees of spec files and git repositories to try things on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ferryman.specs.folder import blob_id
from ferryman.specs.loading import Held, ParseCache, Specs, load
from ferryman.specs.problems import Problem
from ferryman.specs.source import Revision, RevisionKind, SpecFile, Tree

TALLINN = 'name = "tallinn"\nuri = "qemu+ssh://root@tallinn/system"\n'
SKOPJE = 'name = "skopje"\nuri = "qemu+ssh://root@skopje/system"\n'
GUEST = 'name = "guest-01"\nhost = "tallinn"\n'

GOOD: Mapping[str, str] = {
    "fleet.toml": "settle_ms = 500\n",
    "hosts/tallinn.toml": TALLINN,
    "hosts/skopje.toml": SKOPJE,
    "vms/guest-01.toml": GUEST,
}


def tree(files: Mapping[str, str], refused: Mapping[str, Problem] | None = None, revision: str = "one") -> Tree:
    """A tree of these files, as a source would hand it over."""
    return Tree(
        revision=Revision(id=revision, short=revision, author="", subject="", kind=RevisionKind.GIT),
        files={
            path: SpecFile(path=path, blob_id=blob_id(text.encode()), content=text.encode())
            for path, text in files.items()
        },
        refused=refused or {},
    )


def loaded(files: Mapping[str, str], previous: Specs | None = None) -> Specs:
    """The specs of these files, which must not be held."""
    outcome = load(tree(files), previous, ParseCache())
    assert isinstance(outcome, Specs), outcome.problems
    return outcome


def held(files: Mapping[str, str], previous: Specs | None = None) -> Held:
    """The outcome of these files, which must be held."""
    outcome = load(tree(files), previous, ParseCache())
    assert isinstance(outcome, Held)
    return outcome


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def git(folder: Path, *args: str) -> str:
    """Run git as a user would, without this machine's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *identity, *args], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(repository: Path, files: Mapping[str, str], message: str = "Change") -> str:
    """Write and commit files; the new commit's id."""
    write(repository, files)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(repository, "rev-parse", "HEAD")


def new_repository(folder: Path, files: Mapping[str, str]) -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, files, "Begin")
    return folder
