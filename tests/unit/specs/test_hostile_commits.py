"""A commit that is made to cost time or memory is refused at once, and what was in force stays."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from spec_trees import GOOD, commit, git, new_repository

from ferryman.specs.commits import MOST_CHARACTERS, revision_of
from ferryman.specs.folder import FolderSource
from ferryman.specs.git import GitSource, git_source
from ferryman.specs.git_repository import GitError, GitFailure, GitRepository
from ferryman.specs.loading import ParseCache, Specs, load
from ferryman.specs.problems import ProblemCode
from ferryman.specs.source import MAX_FILES, SourceError

SOON_S = 3.0
"""Unbounded, the smallest of these takes git's whole time-out of 30 s, or gigabytes."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "fleet", GOOD)


@pytest.fixture
def source(repository: Path) -> GitSource:
    found = git_source(repository)
    assert found is not None
    found.current()
    return found


def make_tree(repository: Path, entries: Iterable[str]) -> str:
    """A tree object of these lines of `git ls-tree`."""
    done = subprocess.run(
        ["git", "mktree", "--missing"],
        cwd=repository,
        input="".join(f"{entry}\n" for entry in entries),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def bomb(repository: Path, *, leaf: bool) -> str:
    """Ten trees, each ten times in the next: ten thousand million entries in a few hundred bytes."""
    blob = git(repository, "rev-parse", "HEAD:vms/guest-01.toml")
    inner = make_tree(repository, [f"100644 blob {blob}\tguest-02.toml"] if leaf else [])
    for _ in range(10):
        inner = make_tree(repository, [f"040000 tree {inner}\t{name}" for name in "abcdefghij"])
    return inner


def commit_tree(repository: Path, vms: str) -> None:
    """Commit the repository's root with this tree as `vms`."""
    kept = [line for line in git(repository, "ls-tree", "HEAD").splitlines() if not line.endswith("\tvms")]
    root = make_tree(repository, [*kept, f"040000 tree {vms}\tvms"])
    made = git(repository, "commit-tree", root, "-p", "HEAD", "-m", "Grow")
    git(repository, "update-ref", "HEAD", made)


@pytest.mark.parametrize("leaf", [True, False], ids=["of-files", "of-nothing"])
def test_a_tree_of_trees_is_not_searched(repository: Path, source: GitSource, leaf: bool) -> None:
    before = load(source.current(), None, ParseCache())
    assert isinstance(before, Specs)
    guest = git(repository, "rev-parse", "HEAD:vms/guest-01.toml")
    more = f"040000 tree {bomb(repository, leaf=leaf)}\tmore"
    commit_tree(repository, make_tree(repository, [f"100644 blob {guest}\tguest-01.toml", more]))
    began = time.monotonic()
    loaded = load(source.current(), before, ParseCache())
    assert time.monotonic() - began < SOON_S
    assert isinstance(loaded, Specs)
    assert loaded.vms == before.vms
    assert [(problem.file, problem.code) for problem in loaded.problems] == [("vms/more", ProblemCode.MISPLACED)]


def test_a_bomb_in_place_of_a_vms_file_leaves_its_last_good_spec(repository: Path, source: GitSource) -> None:
    before = load(source.current(), None, ParseCache())
    assert isinstance(before, Specs)
    commit_tree(repository, make_tree(repository, [f"040000 tree {bomb(repository, leaf=True)}\tguest-01.toml"]))
    loaded = load(source.current(), before, ParseCache())
    assert isinstance(loaded, Specs)
    assert (loaded.vms, set(loaded.stalled)) == (before.vms, {"guest-01"})


def test_a_folder_of_very_many_files_is_refused(repository: Path, source: GitSource) -> None:
    blob = git(repository, "rev-parse", "HEAD:vms/guest-01.toml")
    commit_tree(repository, make_tree(repository, (f"100644 blob {blob}\tguest-{n:06}.toml" for n in range(200_000))))
    began = time.monotonic()
    with pytest.raises(SourceError, match="more than ferryman reads") as told:
        source.current()
    assert time.monotonic() - began < SOON_S
    assert str(MAX_FILES) in told.value.remedy


def test_a_commit_whose_text_is_huge_is_refused_unread(repository: Path, source: GitSource, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x" * 3 * 1024**2)
    git(repository, "commit", "--quiet", "--allow-empty", f"--file={tmp_path / 'text'}")
    with pytest.raises(SourceError, match="the text of revision"):
        source.current()


def test_a_long_subject_and_author_are_cut(repository: Path, source: GitSource) -> None:
    commit(repository, {}, "S" * 100_000)
    revision = source.current().revision
    assert (len(revision.subject), revision.subject[-1]) == (MOST_CHARACTERS, "…")
    told = revision_of("a" * 40, b"tree b\nauthor " + b"A" * 100_000 + b" <a@example.org> 0 +0000\n\nShort\n")
    assert (len(told.author), told.subject) == (MOST_CHARACTERS, "Short")


def test_a_git_that_says_too_much_is_stopped(repository: Path) -> None:
    inside = GitRepository(directory=repository)
    began = time.monotonic()
    with pytest.raises(GitError) as caught:
        inside.run(["-c", "alias.pour=!exec cat /dev/zero", "pour"], most_bytes=1024)
    assert (caught.value.reason, time.monotonic() - began < SOON_S) == (GitFailure.TOO_MUCH, True)


def test_a_folder_of_its_own_is_named_the_same_outside_git(tmp_path: Path) -> None:
    (tmp_path / "vms" / "more" / "deep").mkdir(parents=True)
    (tmp_path / "vms" / ".hidden").mkdir()
    refused = FolderSource(folder=tmp_path).current().refused
    assert {path: problem.code for path, problem in refused.items()} == {"vms/more": ProblemCode.MISPLACED}
