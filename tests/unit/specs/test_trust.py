"""Where signatures are asked for, only commits count that are signed by somebody who is trusted and that follow on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from spec_trees import GOOD, GUEST, commit, git, new_repository

from ferryman.specs.git import GitSource, git_source
from ferryman.specs.source import Revision, SourceError, Tree

ANN, EVE = "ann", "eve"


def key(folder: Path, name: str) -> Path:
    file = folder / f"{name}-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file], check=True)
    return file


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Ann's key is trusted, Eve's is not; the first commit is Ann's."""
    keys = {name: key(tmp_path, name) for name in (ANN, EVE)}
    trusted = keys[ANN].with_suffix(".pub").read_text()
    (tmp_path / "signers").write_text(f'ann@example.org namespaces="git" {trusted}')
    repository = new_repository(tmp_path / "fleet", GOOD)
    for setting, value in (
        ("gpg.format", "ssh"),
        ("gpg.ssh.allowedSignersFile", str(tmp_path / "signers")),
        ("ferryman.requireSigned", "true"),
    ):
        git(repository, "config", setting, value)
    sign(repository, ANN)
    return repository


def sign(repository: Path, name: str) -> str:
    """Put somebody's signature on the newest commit; its new id."""
    signer = repository.parent / f"{name}-key"
    git(repository, "-c", f"user.signingKey={signer}", "commit", "--quiet", "--amend", "--no-edit", "-S")
    return git(repository, "rev-parse", "HEAD")


def change(repository: Path, text: str) -> None:
    commit(repository, {"vms/guest-01.toml": GUEST + f"# {text}\n"})


def opened(repository: Path, last: Revision | None = None) -> GitSource:
    source = git_source(repository, last=last)
    assert source is not None
    return source


def guest(tree: Tree) -> str:
    return tree.files["vms/guest-01.toml"].content.decode()


def test_a_trusted_signature_counts(repository: Path) -> None:
    source = opened(repository)
    source.current()
    change(repository, "by ann")
    sign(repository, ANN)
    assert "by ann" in guest(source.current())


def unsigned(_repository: Path) -> None:
    """As it was committed."""


def by_an_unknown_key(repository: Path) -> None:
    sign(repository, EVE)


def altered_after_it_was_signed(repository: Path) -> None:
    sign(repository, ANN)
    signed = subprocess.run(
        ["git", "cat-file", "commit", "HEAD"], cwd=repository, check=True, capture_output=True, text=True
    ).stdout
    altered = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=repository,
        input=signed.replace("Change", "Chance"),
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    git(repository, "update-ref", "HEAD", altered)


def by_a_key_that_is_trusted_for_something_else(repository: Path) -> None:
    signers = repository.parent / "signers"
    signers.write_text(signers.read_text().replace('namespaces="git"', 'namespaces="file"'))
    sign(repository, ANN)


@pytest.mark.parametrize(
    "signs", [unsigned, by_an_unknown_key, altered_after_it_was_signed, by_a_key_that_is_trusted_for_something_else]
)
def test_others_are_held_and_named(repository: Path, signs: Callable[[Path], None]) -> None:
    source = opened(repository)
    source.current()
    change(repository, "by somebody")
    signs(repository)
    with pytest.raises(SourceError, match="no good signature") as told:
        source.current()
    assert told.value.held_revision == git(repository, "rev-parse", "HEAD")
    assert "allowedSignersFile" in told.value.remedy


def test_adding_the_signers_key_lets_it_count(repository: Path) -> None:
    source = opened(repository)
    source.current()
    change(repository, "by eve")
    sign(repository, EVE)
    with pytest.raises(SourceError):
        source.current()
    signers = repository.parent / "signers"
    more = (repository.parent / "eve-key.pub").read_text()
    signers.write_text(signers.read_text() + f"eve@example.org {more}")
    assert "by eve" in guest(source.current())


class TestRewrittenHistory:
    """An older commit, well signed, is how a push would bring back what was taken back."""

    @pytest.fixture
    def rewound(self, repository: Path) -> Path:
        change(repository, "newer")
        sign(repository, ANN)
        return repository

    def test_it_is_held_also_after_a_restart(self, rewound: Path) -> None:
        source = opened(rewound)
        last = source.current().revision
        git(rewound, "reset", "--quiet", "--hard", "HEAD~1")
        for one in (source, opened(rewound, last)):
            with pytest.raises(SourceError, match="does not follow on") as told:
                one.current()
            assert told.value.held_revision == git(rewound, "rev-parse", "HEAD")

    def test_the_remedy_lets_it_count(self, rewound: Path) -> None:
        source = opened(rewound)
        source.current()
        git(rewound, "reset", "--quiet", "--hard", "HEAD~1")
        with pytest.raises(SourceError) as told:
            source.current()
        command = told.value.remedy.rpartition("If it is meant: git ")[2]
        git(rewound, *command.split())
        assert guest(source.current()) == GUEST

    def test_that_is_said_of_this_one_revision_only(self, rewound: Path) -> None:
        source = opened(rewound)
        source.current()
        git(rewound, "config", "ferryman.acceptRevision", git(rewound, "rev-parse", "HEAD"))
        git(rewound, "reset", "--quiet", "--hard", "HEAD~1")
        with pytest.raises(SourceError, match="does not follow on"):
            source.current()


@pytest.mark.parametrize(("value", "counts"), [("false", True), ("no", True), ("yes", False), ("ture", False)])
def test_only_a_clear_no_switches_it_off(repository: Path, value: str, counts: bool) -> None:
    git(repository, "config", "ferryman.requireSigned", value)
    change(repository, "unsigned")
    if counts:
        assert "unsigned" in guest(opened(repository).current())
    else:
        with pytest.raises(SourceError):
            opened(repository).current()
