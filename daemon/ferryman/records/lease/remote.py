"""The lease's way to its repository: the state folder's git remote `lease`, compared and swapped by `git push`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ferryman.fleet.ownership import Identity
from ferryman.records import toml_files
from ferryman.records.lease.rules import RENEW_EVERY_S, Holder, Observing, View, may_take, observing, saw, wrote
from ferryman.records.state.repository import ENVIRONMENT
from ferryman.specs.git_repository import GitError, GitRepository

REMOTE = "lease"
REF = "refs/ferryman/lease"
_TIMEOUT_S = 10.0
_MOST_COUNTS = 1000
"""So few objects are ever made; a watcher that looks every few seconds never sees the same twice by chance."""
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=8"
_STOP_PATIENCE_S = 2 * _TIMEOUT_S


def sleepless_ns() -> int:
    """A clock that nobody sets and that goes on while the machine sleeps (CLOCK_BOOTTIME, see clock_gettime(2))."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def address(state_folder: Path) -> str:
    """Where the lease of this state folder is; empty: it needs none."""
    try:
        return _git(state_folder).run(("remote", "get-url", REMOTE)).decode("utf-8", "replace").strip()
    except GitError:
        return ""


class Lease:
    """One daemon's hold on it. `look` is for one thread; the rest is safe from several."""

    def __init__(self, state_folder: Path, me: Identity, now_ns: Callable[[], int] = sleepless_ns) -> None:
        """Asks nobody yet."""
        self._git = _git(state_folder)
        self._address = address(state_folder)
        # A state folder that was copied to another machine brings its id along.
        self._id = f"{me.id}@{_boot_id()}"
        self._by = me.by
        self._now_ns = now_ns
        self._view = View()
        self._tried: tuple[str, Holder, int] | None = None
        """The write whose effect is not known: its tip, what it says, and when it began."""

    def observing(self) -> Observing | None:
        """Why this daemon may not act now; None: it may."""
        return observing(self._view, self._address, self._now_ns()) if self._address else None

    @property
    def is_used(self) -> bool:
        """Whether this state folder has a lease at all."""
        return bool(self._address)

    def look(self) -> None:
        """See what the lease says, and write it anew where it is this daemon's to write."""
        try:
            self._see()
            if may_take(self._view, self._id, self._now_ns()):
                self._write()
        except GitError as error:
            self._view = replace(self._view, trouble=(error.stderr.splitlines() or [str(error.reason)])[-1])

    def give_up(self) -> None:
        """Let another take it at once."""
        view, self._view = self._view, replace(self._view, ours_until_ns=0)
        if view.holder is not None and view.holder.id == self._id:
            try:
                self._push("", view.tip)
            except GitError:
                return  # it runs out

    def _see(self) -> None:
        listed = self._git.run(("ls-remote", REMOTE, REF)).decode("utf-8", "replace").splitlines()
        tip = next((line.split()[0] for line in listed if line.split()[1:] == [REF]), "")
        if self._tried is not None and tip == self._tried[0]:
            self._view = wrote(self._view, *self._tried)
        elif tip != self._view.tip:
            self._view = saw(self._view, tip, self._read(tip) if tip else None, self._now_ns())
        else:
            self._view = saw(self._view, tip, self._view.holder, self._now_ns())
        self._tried = None

    def _read(self, tip: str) -> Holder:
        self._git.run(("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", REMOTE, REF))
        content = self._git.run(("cat-file", "blob", tip))
        try:
            return toml_files.from_toml(content, Holder)
        except (ValueError, RecursionError):
            return Holder(id="", by="somebody whose lease cannot be read")

    def _write(self) -> None:
        held = self._view.holder
        count = (held.count + 1) % _MOST_COUNTS if held is not None and held.id == self._id else 0
        holder = Holder(id=self._id, by=self._by, count=count)
        tip = self._git.run(("hash-object", "-w", "--stdin"), toml_files.to_toml(holder)).decode().strip()
        began_ns = self._now_ns()
        self._tried = (tip, holder, began_ns)
        self._push(tip, self._view.tip)
        self._view = wrote(self._view, tip, holder, began_ns)
        self._tried = None

    def _push(self, tip: str, expected: str) -> None:
        """Only where the lease is still what was seen; empty: none. Raises GitError."""
        self._git.run(("push", "--quiet", f"--force-with-lease={REF}:{expected}", REMOTE, f"{tip}:{REF}"))


class LeaseKeeper:
    """Looks after the lease in the background, and wakes the loop where this daemon may act now, or may no more."""

    def __init__(self, lease: Lease, wake: Callable[[], None]) -> None:
        self._lease = lease
        self._wake = wake
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def start(self) -> None:
        """Ask for the lease once, then go on asking; nothing happens where none is used."""
        if self._lease.is_used:
            self._lease.look()
            self._thread.start()

    def close(self, *, give_up: bool) -> None:
        """Look no more; `give_up`: nothing is open that another daemon could stumble over."""
        if not self._lease.is_used:
            return
        self._over.set()
        self._thread.join(_STOP_PATIENCE_S)
        if give_up and not self._thread.is_alive():
            self._lease.give_up()

    def _keep(self) -> None:
        while not self._over.wait(RENEW_EVERY_S):
            before = self._lease.observing()
            self._lease.look()
            if self._lease.observing() != before:
                self._wake()


def _boot_id() -> str:
    """Which run of which machine this is, see random(4)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _git(state_folder: Path) -> GitRepository:
    environment = {**ENVIRONMENT, "GIT_SSH_COMMAND": _SSH}
    return GitRepository(
        directory=state_folder, git_dir=state_folder / ".git", timeout_s=_TIMEOUT_S, environment=environment
    )
