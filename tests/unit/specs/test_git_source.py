"""Only what is committed counts, and whatever happens to the repository is an answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from spec_trees import GOOD, GUEST, commit, git, new_repository

from ferryman.specs.folder import FolderSource
from ferryman.specs.git import GitSource, git_source, source_error
from ferryman.specs.git_repository import GitError, GitFailure, GitRepository
from ferryman.specs.loading import Held, ParseCache, Specs, load
from ferryman.specs.opening import AwaitedSource, open_source
from ferryman.specs.problems import ProblemCode
from ferryman.specs.source import RevisionKind, SourceError

IN_SUBFOLDER = {f"specs/{path}": text for path, text in GOOD.items()}


def opened(path: Path) -> GitSource:
    source = git_source(path)
    assert source is not None
    return source


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "fleet", IN_SUBFOLDER)


def test_a_revision_is_the_commit(repository: Path) -> None:
    commit_id = commit(repository, {"specs/vms/guest-01.toml": GUEST + "# edited\n"}, "Edit\n\nBecause.")
    revision = opened(repository / "specs").current().revision
    assert (revision.id, revision.short, revision.kind) == (commit_id, commit_id[:12], RevisionKind.GIT)
    assert (revision.author, revision.subject) == ("Ann <ann@example.org>", "Edit")


def test_specs_may_be_a_folder_of_the_repository_or_all_of_it(repository: Path, tmp_path: Path) -> None:
    assert set(opened(repository / "specs").current().files) == set(GOOD)
    whole = new_repository(tmp_path / "whole", {**GOOD, "README.md": "# ours", "src/a.toml": "x"})
    assert set(opened(whole).current().files) == set(GOOD)


def test_edits_of_the_working_tree_do_nothing(repository: Path) -> None:
    source = opened(repository / "specs")
    before = source.current()
    (repository / "specs/vms/guest-01.toml").write_text("nonsense")
    git(repository, "add", "--all")
    assert source.current() is before
    shutil.rmtree(repository / "specs")
    assert source.current() is before
    assert opened(repository / "specs").current().files == before.files


def test_a_commit_is_a_new_revision_and_only_its_blobs_are_read_and_parsed(repository: Path) -> None:
    source, cache = opened(repository / "specs"), ParseCache()
    load(source.current(), None, cache)
    assert (source.blobs_read, cache.parsed) == (4, 4)
    commit(repository, {"specs/vms/guest-01.toml": GUEST.replace("tallinn", "skopje")})
    specs = load(source.current(), None, cache)
    assert isinstance(specs, Specs)
    assert specs.vms["guest-01"].host == "skopje"
    assert (source.blobs_read, cache.parsed) == (5, 5)


def test_rewritten_history_is_a_new_revision(repository: Path) -> None:
    source = opened(repository / "specs")
    commit(repository, {"specs/vms/guest-01.toml": "nonsense"})
    source.current()
    git(repository, "reset", "--quiet", "--hard", "HEAD~1")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "--quiet", "--prune=now")
    assert source.current().files["vms/guest-01.toml"].content == GUEST.encode()


def test_links_and_submodules_are_refused_and_named(repository: Path, tmp_path: Path) -> None:
    other = new_repository(tmp_path / "other", {"oslo.toml": "x"})
    (repository / "specs/vms/guest-02.toml").symlink_to("guest-01.toml")
    git(repository, "submodule", "--quiet", "add", str(other), "specs/hosts/more")
    commit(repository, {})
    found = opened(repository / "specs").current()
    assert {path: problem.code for path, problem in found.refused.items()} == {
        "vms/guest-02.toml": ProblemCode.LINK,
        "hosts/more": ProblemCode.LINK,
    }
    assert set(found.files) == set(GOOD)


def test_a_linked_folder_is_unknown_and_not_empty(repository: Path) -> None:
    source = opened(repository / "specs")
    before = load(source.current(), None, ParseCache())
    assert isinstance(before, Specs)
    (repository / "specs/vms").rename(repository / "elsewhere")
    (repository / "specs/vms").symlink_to("../elsewhere")
    commit(repository, {})
    outcome = load(source.current(), before, ParseCache())
    assert isinstance(outcome, Held)
    assert outcome.in_force is before


def test_a_file_that_is_too_large_is_refused_unread(repository: Path) -> None:
    commit(repository, {"specs/vms/huge.toml": "#" * 300_000})
    source = opened(repository / "specs")
    assert source.current().refused["vms/huge.toml"].code is ProblemCode.TOO_LARGE
    assert source.blobs_read == 4


def test_bare_repositories_work(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "fleet.git")
    assert set(opened(tmp_path / "fleet.git" / "specs").current().files) == set(GOOD)
    git(tmp_path, "clone", "--quiet", "fleet.git", "copy")
    commit(tmp_path / "copy", {"specs/vms/guest-01.toml": GUEST + "# pushed\n"})
    source = opened(tmp_path / "fleet.git" / "specs")
    git(tmp_path / "copy", "push", "--quiet", "origin", "HEAD")
    assert b"pushed" in source.current().files["vms/guest-01.toml"].content


def test_a_linked_working_tree_follows_its_own_head(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "-b", "trial", str(tmp_path / "trial"))
    source = opened(tmp_path / "trial" / "specs")
    commit(tmp_path / "trial", {"specs/vms/guest-01.toml": GUEST + "# trial\n"})
    assert b"trial" in source.current().files["vms/guest-01.toml"].content
    assert {place.directory for place in source.watched()} >= {repository / ".git" / "refs"}


def test_another_ref_may_be_followed(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--create", "trial")
    commit(repository, {"specs/vms/guest-01.toml": "nonsense"})
    source = git_source(repository / "specs", "refs/heads/main")
    assert source is not None
    assert source.current().files["vms/guest-01.toml"].content == GUEST.encode()


def test_the_callers_git_environment_does_not_redirect(repository: Path, tmp_path: Path) -> None:
    new_repository(tmp_path / "decoy", {"README.md": "x"})
    environment = {"GIT_DIR": str(tmp_path / "decoy" / ".git")}
    inside = GitRepository(directory=repository)
    assert inside.run(["rev-parse", "HEAD"]) != GitRepository(directory=repository, environment=environment).run(
        ["rev-parse", "HEAD"]
    )


def test_without_a_commit_the_remedy_is_to_make_one(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    folder.mkdir()
    git(folder, "init", "--quiet")
    with pytest.raises(SourceError) as caught:
        opened(folder).current()
    assert "commit" in caught.value.remedy


def test_a_folder_that_is_not_committed_is_named(repository: Path) -> None:
    (repository / "other").mkdir()
    with pytest.raises(SourceError, match="no folder other/"):
        opened(repository / "other").current()


def test_a_repository_that_is_gone_is_an_error_and_no_empty_fleet(repository: Path) -> None:
    source = opened(repository / "specs")
    source.current()
    repository.rename(repository.with_name("moved"))
    with pytest.raises(SourceError, match="gone"):
        source.current()
    repository.with_name("moved").rename(repository)
    source.current()


def test_a_lost_object_is_an_error(repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:specs/vms/guest-01.toml")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SourceError):
        opened(repository / "specs").current()


def test_a_foreign_owner_is_answered_with_the_command_that_trusts_it() -> None:
    words = (
        "fatal: detected dubious ownership in repository at '/srv/fleet'\n"
        "To add an exception for this directory, call:\n\n"
        "\tgit config --global --add safe.directory /srv/fleet"
    )
    error = source_error(Path("/srv/fleet/specs"), GitError(GitFailure.FOREIGN_OWNER, words))
    assert error.remedy.endswith("git config --global --add safe.directory /srv/fleet")


def test_a_git_that_does_not_answer_is_stopped(repository: Path) -> None:
    hasty = GitRepository(directory=repository, timeout_s=0.2)
    with pytest.raises(GitError) as caught:
        hasty.run(["-c", "alias.hang=!exec sleep 30", "hang"])
    assert caught.value.reason is GitFailure.TIMED_OUT


def test_outside_git_the_folder_itself_is_the_source(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "plain" / "vms").mkdir(parents=True)
    assert git_source(tmp_path / "plain") is None
    assert isinstance(open_source(tmp_path / "plain"), FolderSource)
    assert isinstance(open_source(repository / "specs"), GitSource)


class TestAwaited:
    """What is not there when a daemon starts."""

    def test_a_repository_that_comes_later_counts_by_its_commits_and_not_by_its_files(
        self, repository: Path, tmp_path: Path
    ) -> None:
        repository.rename(tmp_path / "away")
        source = open_source(repository / "specs")
        with pytest.raises(SourceError):
            source.current()
        (tmp_path / "away").rename(repository)
        (repository / "specs/vms/guest-01.toml").write_text("nonsense")
        assert source.current().files["vms/guest-01.toml"].content == GUEST.encode()

    def test_nor_does_the_empty_folder_that_it_is_mounted_on(self, repository: Path, tmp_path: Path) -> None:
        repository.rename(tmp_path / "away")
        (repository / "specs").mkdir(parents=True)
        source = open_source(repository / "specs")
        assert isinstance(source, AwaitedSource)
        assert source.current().files == {}
        shutil.rmtree(repository)
        (tmp_path / "away").rename(repository)
        (repository / "specs/vms/guest-01.toml").write_text("nonsense")
        assert source.current().files["vms/guest-01.toml"].content == GUEST.encode()
