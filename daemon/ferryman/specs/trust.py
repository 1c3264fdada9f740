"""Which commits count. All of them, until the repository's or the account's git configuration asks for signatures.

`git config ferryman.requireSigned true`: only a commit that carries a good signature of somebody who is trusted, and
that follows on the last one that counted. Others are held. The setting is read where the daemon runs, never from what
is committed: whoever may push may not switch it off.
"""

from __future__ import annotations

from collections.abc import Mapping

from ferryman.specs.git_repository import GitError, GitFailure, GitRepository
from ferryman.specs.source import SourceError

REQUIRE, ACCEPT = "ferryman.requiresigned", "ferryman.acceptrevision"
"""As git prints them, in small letters."""
_OFF = frozenset({"false", "no", "off", "0", ""})
_GOOD = "G"
"""Good, and of a key that is trusted: of an SSH key that is not, git says "Good signature" too, and U here."""
_SHORT = 12


def require_trusted(repository: GitRepository, commit_id: str, last_id: str) -> None:
    """Raise SourceError where the commit does not count. `last_id`: the last one that did; empty: none yet."""
    settings = _settings(repository)
    if settings.get(REQUIRE, "false").lower() in _OFF:
        return
    _require_signature(repository, commit_id)
    if settings.get(ACCEPT) != commit_id:
        _require_descent(repository, commit_id, last_id)


def _settings(repository: GitRepository) -> Mapping[str, str]:
    """Ferryman's own settings; one without a value is switched on."""
    try:
        output = repository.run(["config", "-z", "--get-regexp", r"^ferryman\."])
    except GitError as error:
        if error.reason is GitFailure.FAILED and not error.stderr:
            return {}  # none is set
        raise SourceError(f"git's configuration cannot be read: {error.stderr}", "see: git config --list") from error
    entries = (entry.partition("\n") for entry in output.decode("utf-8", "replace").split("\0") if entry)
    return {name: value if separator else "true" for name, separator, value in entries}


def _require_signature(repository: GitRepository, commit_id: str) -> None:
    """Both what git's exit status and what its format say: each alone has its loopholes."""
    try:
        repository.run(["verify-commit", commit_id])
        verdict = repository.run(["log", "-1", "--format=%G?", commit_id]).decode("ascii", "replace").strip()
        said = f"git calls it {verdict}, not {_GOOD}"
    except GitError as error:
        verdict, said = "", error.stderr.strip().rpartition("\n")[2] or "it is not signed"
    if verdict != _GOOD:
        raise SourceError(
            f"revision {commit_id[:_SHORT]} has no good signature of anybody who is trusted: {said}",
            "look at it (git log -1 --show-signature); sign it (git commit --amend --no-edit -S), or, where its signer "
            "is to count, add the key to what gpg.ssh.allowedSignersFile names, or to the daemon's GnuPG keyring",
            held_revision=commit_id,
        )


def _require_descent(repository: GitRepository, commit_id: str, last_id: str) -> None:
    """An older commit is well signed, too: going back to it is a rewritten history like any other."""
    if last_id in ("", commit_id):
        return
    try:
        repository.run(["merge-base", "--is-ancestor", last_id, commit_id])
    except GitError as error:
        raise SourceError(
            f"revision {commit_id[:_SHORT]} does not follow on {last_id[:_SHORT]}: the history was rewritten",
            f"commit on top of it instead (git revert). If it is meant: git config ferryman.acceptRevision {commit_id}",
            held_revision=commit_id,
        ) from error
