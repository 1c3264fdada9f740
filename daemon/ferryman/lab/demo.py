"""The whole of ferryman in a few minutes: a lab, a specs repository, the daemon, and three commits.

The daemon is run as a user runs it, and believed nothing: after each commit the hosts themselves and the guests
are asked where each VM is.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ferryman.lab import guests, ledger, shell
from ferryman.lab import lab as labs
from ferryman.lab.layout import plan_layout
from ferryman.lab.ledger import OPERATOR, Ledger
from ferryman.lab.shell import LabError

HOSTS = ("tallinn", "skopje")
SUBNET = "10.77.0.0/24"
_GUESTS = {"guest-01": "tallinn", "guest-02": "skopje"}
_CONVERGED_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.5
_STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A demonstration under way."""

    lab: Ledger
    specs: Path
    state: Path
    counters: dict[str, int]
    """The last durable number that each guest was seen at; it must never go back."""


def demonstrate(cache: Path) -> None:
    """Show everything, and clean up, also when interrupted. Raises LabError where anything is not as it should be."""
    _say("a lab: two real libvirt hosts on this machine")
    with _lab(cache) as lab:
        specs = lab.layout.folder / "demo-specs"
        demo = Demo(lab=lab, specs=specs, state=lab.layout.folder / "demo-state", counters={})
        for name, host in _GUESTS.items():
            guests.add(lab, guests.plan(lab, name, None), host)
        for name in _GUESTS:
            demo.counters[name] = guests.wait_until_ready(lab, name)
            print(f"{name} answers on {_GUESTS[name]}; its durable counter is at {demo.counters[name]}")
        _make_repository(demo)
        _say(f"the daemon, on the fresh specs repository {specs}")
        with _daemon(demo):
            _expect(demo, _GUESTS)
            _show(demo)
        _print_trail(demo)


def _show(demo: Demo) -> None:
    _say("edit a spec and commit: guest-01 is to run on skopje")
    _commit(demo, "vms/guest-01.toml", 'host = "tallinn"', 'host = "skopje"', "Move guest-01 to skopje")
    _expect(demo, {"guest-01": "skopje", "guest-02": "skopje"})
    _say("empty a host for maintenance: skopje")
    _commit(demo, "hosts/skopje.toml", 'name = "skopje"', 'name = "skopje"\nmaintenance = true', "skopje: maintenance")
    _expect(demo, {"guest-01": "tallinn", "guest-02": "tallinn"})
    _say("revert that commit: everything comes home")
    _git(demo, "revert", "--no-edit", "HEAD")
    _expect(demo, {"guest-01": "skopje", "guest-02": "skopje"})


@contextmanager
def _lab(cache: Path) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory(prefix="ferryman-demo-") as name:
        folder = Path(name) / "lab"
        try:
            yield labs.up(plan_layout(folder, HOSTS, SUBNET), cache, print, no_tls=HOSTS)
        finally:
            if ledger.exists(folder):
                # A second Ctrl-C must not leave half a lab behind.
                before = signal.signal(signal.SIGINT, signal.SIG_IGN)
                labs.down(folder, print)
                signal.signal(signal.SIGINT, before)


@contextmanager
def _daemon(demo: Demo) -> Iterator[None]:
    """The daemon as a user starts it; its log and the moves' progress go to this terminal."""
    argv = _ferryman(demo, "run", "--specs", str(demo.specs), "--state", str(demo.state))
    sys.stdout.flush()
    with subprocess.Popen(argv, stderr=subprocess.STDOUT, start_new_session=True) as daemon:
        try:
            yield
        finally:
            daemon.terminate()
            try:
                code = daemon.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                code = daemon.wait()
    if code != 0:
        raise LabError(f"the daemon ended with exit code {code}; see its last lines above")


def _expect(demo: Demo, wanted: Mapping[str, str]) -> None:
    """Wait until each VM runs where it should, only there, answers, and has lost nothing; and the daemon says so."""
    deadline = time.monotonic() + _CONVERGED_WITHIN_S
    while (wrong := _wrong(demo, wanted)) is not None:
        if time.monotonic() > deadline:
            raise LabError(f"after {_CONVERGED_WITHIN_S:.0f} s: {wrong}")
        time.sleep(_LOOK_EVERY_S)
    for name, host in wanted.items():
        number = guests.wait_until_ready(demo.lab, name)
        if number < demo.counters[name]:
            raise LabError(f"{name} LOST WRITES: its durable counter went from {demo.counters[name]} to {number}")
        print(f"seen: {name} runs on {host}, only there, and answers; counter {demo.counters[name]} -> {number}")
        demo.counters[name] = number


def _wrong(demo: Demo, wanted: Mapping[str, str]) -> str | None:
    """The first thing that is not as wanted yet."""
    seen = guests.sightings(demo.lab)
    for name, host in wanted.items():
        places = {one.host: one.state for one in seen if one.guest == name}
        if places != {host: "running"}:
            return f"{name} should run on {host} and only there; it is {places}"
    told = shell.attempt(_ferryman(demo, "status", "--state", str(demo.state)))
    return None if told.returncode == 0 else f"ferryman status says that something is open:\n{told.stdout}"


def _make_repository(demo: Demo) -> None:
    shutil.copytree(demo.lab.layout.specs, demo.specs)
    _git(demo, "init", "--quiet", "--initial-branch=main")
    _git(demo, "config", "user.name", "demo")
    _git(demo, "config", "user.email", "demo@localhost")
    _git(demo, "add", "--all")
    _git(demo, "commit", "--quiet", "--message=The fleet as it is")


def _commit(demo: Demo, file: str, before: str, after: str, message: str) -> None:
    path = demo.specs / file
    text = path.read_text()
    if before not in text:
        raise LabError(f"{path} has no line {before!r}")
    path.write_text(text.replace(before, after, 1))
    print(_git(demo, "diff", "--unified=0", "--no-prefix"))
    _git(demo, "commit", "--quiet", "--all", f"--message={message}")


def _print_trail(demo: Demo) -> None:
    _say("what moved when, why, and how long it was down: ferryman history")
    print(shell.output(_ferryman(demo, "history", "--state", str(demo.state))))
    _say("the state repository: git log")
    print(shell.output(["git", "-C", str(demo.state), "log", "--oneline"]))
    print("To keep a lab and play in it: ferryman lab up")


def _git(demo: Demo, *arguments: str) -> str:
    return shell.output(["git", "-C", str(demo.specs), *arguments])


def _ferryman(demo: Demo, *arguments: str) -> list[str]:
    """The `ferryman` command, where the lab's hosts can be reached."""
    return demo.lab.namespace(OPERATOR).enter([sys.executable, "-m", "ferryman.cli", *arguments])


def _say(headline: str) -> None:
    print(f"\n== {headline}", flush=True)
