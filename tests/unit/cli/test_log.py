"""The daemon's log says each thing once until it changes."""

from __future__ import annotations

import errno
import io
import re
from datetime import timedelta

import pytest
from written_state import NOON, condition, record

from ferryman.cli.log import LogEvents
from ferryman.records.state.states import ConditionType, HostState
from ferryman.service import ServiceManager
from ferryman.specs.problems import Problem, ProblemCode

PROBLEM = Problem(file="vms/guest-01.toml", line=2, code=ProblemCode.SOURCE, message="is wrong", remedy="mend it")


_TIME = re.compile(r"^(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d ")


class Log:
    """The events of a daemon, and the lines that they left since the last look at them."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.events = LogEvents(self.stream, ServiceManager({}))

    def lines(self) -> list[str]:
        """Without the time of day."""
        said = [_TIME.sub("", line).strip() for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return said


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_problem_is_told_once_and_its_end_too(log: Log) -> None:
    log.events.problems([PROBLEM])
    log.events.problems([PROBLEM])
    assert log.lines() == ["specs: vms/guest-01.toml:2: is wrong", "remedy: mend it"]
    assert log.events.troubled
    log.events.problems([])
    assert log.lines() == ["specs: all problems are mended"]
    assert not log.events.troubled


def test_a_trouble_that_lasts_is_told_once_and_one_that_comes_back_again(log: Log) -> None:
    for lasts in (True, True, False, True):
        log.events.problems([])
        if lasts:
            log.events.trouble("Cannot write.", "Make room.")
        assert log.events.troubled is lasts
    assert log.lines() == ["Cannot write.", "remedy: Make room."] * 2


def test_a_move_that_ended_is_told_with_its_downtime(log: Log) -> None:
    log.events.ended(record())
    assert log.lines() == ["guest-01: moved tallinn -> skopje (live) in 1.8 s, down 94 ms (90-100)"]


def test_conditions_that_a_person_must_know_are_told(log: Log) -> None:
    log.events.condition("guest-01", condition(ConditionType.RECONCILING, "Moving"))
    assert log.lines() == []
    log.events.condition("guest-01", condition(ConditionType.RECONCILING, "RetryBackoff"))
    log.events.condition("guest-01", condition(ConditionType.DRIFTED, "MovedElsewhere"))
    assert [line for line in log.lines() if "remedy" not in line] == [
        "guest-01: Reconciling (RetryBackoff) It is said: RetryBackoff.",
        "guest-01: Drifted (MovedElsewhere) It is said: MovedElsewhere.",
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (HostState(name="oslo", reachable=False, reason="no route"), ["oslo: unreachable: no route"]),
        (
            HostState(name="oslo", reachable=True, maintenance=True, drained=True),
            ["oslo: drained; it can be taken down"],
        ),
        (
            HostState(name="oslo", reachable=True, maintenance=True, remaining=("guest-01",)),
            ["oslo: in maintenance; still there: guest-01"],
        ),
        (HostState(name="oslo", reachable=True), []),
    ],
)
def test_hosts(log: Log, state: HostState, said: list[str]) -> None:
    log.events.host(state)
    assert log.lines() == said


def test_the_date_is_said_where_it_changes() -> None:
    stream = io.StringIO()
    times = iter([NOON, NOON, NOON + timedelta(days=1)])
    events = LogEvents(stream, ServiceManager({}), lambda: next(times))
    for _ in range(3):
        events.stopped(())
    assert [line.removesuffix(" ferryman stopped") for line in stream.getvalue().splitlines()] == [
        "2026-11-23 12:00:00",
        "12:00:00",
        "2026-11-24 12:00:00",
    ]


def test_moves_that_go_on_without_the_daemon_are_named(log: Log) -> None:
    log.events.stopped(["guest-02", "guest-01"])
    assert log.lines() == ["ferryman stopped; still moving, taken up at the next start: guest-01, guest-02"]


class FullDisk(io.StringIO):
    """A log file on a disk that has no room for now."""

    is_full = True

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_log_that_takes_nothing_ends_nothing_and_goes_on_when_it_does() -> None:
    disk = FullDisk()
    events = LogEvents(disk, ServiceManager({}), lambda: NOON)
    events.trouble("the state folder takes nothing", "Make room.")
    disk.is_full = False
    events.stopped(())
    assert disk.getvalue() == "12:00:00 ferryman stopped\n"
