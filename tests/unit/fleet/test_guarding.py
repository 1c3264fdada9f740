"""A host that hangs or is gone: deadlines, and a rest that grows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from ferryman.fleet.breaker import CLOSED, FAILURES_ALLOWED, FIRST_REST_S, MOST_REST_S, failed
from ferryman.fleet.errors import FailureKind, HostRestingError, HostUnreachableError, OperationFailedError
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet, FakeHost
from ferryman.fleet.guarding import MOST_HANGING, Guard, GuardedHost
from ferryman.specs.host_spec import HostSpec

VM = "guest-01"
SOON_S = 0.02


class HandClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def inner() -> FakeHost:
    fleet = FakeFleet(HostSpec(name="tallinn", uri="qemu+ssh://tallinn/system"))
    fleet.hosts["tallinn"].add_vm(VM)
    return fleet.hosts["tallinn"]


@pytest.fixture
def guard(clock: HandClock) -> Guard:
    return Guard("tallinn", "Look there.", clock)


@pytest.fixture
def host(inner: FakeHost, guard: Guard) -> GuardedHost:
    return GuardedHost(inner, guard)


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """A call that hangs until the test ends."""
    over = threading.Event()
    yield lambda: assert_waited(over)
    over.set()


def assert_waited(over: threading.Event) -> None:
    assert over.wait(20)


def fail(host: GuardedHost, times: int) -> HostUnreachableError:
    for _ in range(times):
        with pytest.raises(HostUnreachableError) as raised:
            host.read()
    return raised.value


class TestTheBreaker:
    def test_a_rest_grows_up_to_its_most(self) -> None:
        now_s, breaker, rests = 0.0, CLOSED, []
        for _ in range(9):
            breaker = failed(breaker, now_s)
            rests.append(max(0.0, breaker.rests_until_s - now_s))
            now_s = max(now_s, breaker.rests_until_s)
        assert rests == [0, 0, FIRST_REST_S, 10, 20, 40, MOST_REST_S, MOST_REST_S, MOST_REST_S]

    def test_what_was_under_way_when_the_rest_began_does_not_lengthen_it(self) -> None:
        breaker = CLOSED
        for _ in range(FAILURES_ALLOWED + 10):
            breaker = failed(breaker, 0.0)
        assert breaker.rests_until_s == FIRST_REST_S


class TestAHostThatIsGone:
    def test_it_is_not_called_while_it_rests_and_says_why(
        self, inner: FakeHost, host: GuardedHost, clock: HandClock
    ) -> None:
        inner.faults.unreachable = True
        assert type(fail(host, FAILURES_ALLOWED - 1)) is HostUnreachableError
        tried = fail(host, 1)
        resting = fail(host, 5)
        assert isinstance(tried, HostRestingError)
        assert isinstance(resting, HostRestingError)
        assert (tried.reason, tried.remedy) == (resting.reason, resting.remedy)
        assert inner.faults.made(Operation.READ) == FAILURES_ALLOWED
        clock.now_s += FIRST_REST_S
        fail(host, 1)
        assert inner.faults.made(Operation.READ) == FAILURES_ALLOWED + 1

    def test_one_answer_ends_it(self, inner: FakeHost, host: GuardedHost, clock: HandClock) -> None:
        inner.faults.unreachable = True
        fail(host, FAILURES_ALLOWED)
        inner.faults.unreachable = False
        clock.now_s += FIRST_REST_S
        assert host.read().host == "tallinn"
        inner.faults.unreachable = True
        assert type(fail(host, 1)) is HostUnreachableError

    def test_a_refusal_is_an_answer(self, inner: FakeHost, host: GuardedHost) -> None:
        for _ in range(FAILURES_ALLOWED + 1):
            inner.faults.fail_next(Operation.START)
            with pytest.raises(OperationFailedError):
                host.power.start(VM)
        assert host.read().host == "tallinn"


class TestAHostThatHangs:
    def test_a_call_that_is_late_is_left_and_may_yet_have_its_effect(
        self, guard: Guard, hang: Callable[[], None]
    ) -> None:
        with pytest.raises(OperationFailedError, match="no answer within") as raised:
            guard.call("destroy", hang, SOON_S)
        assert (raised.value.kind, raised.value.remedy) == (FailureKind.BUSY, "Look there.")

    def test_one_vm_that_hangs_leaves_the_others_of_its_host(
        self, guard: Guard, host: GuardedHost, hang: Callable[[], None]
    ) -> None:
        for _ in range(MOST_HANGING - 1):
            with pytest.raises(OperationFailedError):
                guard.call("power", hang, SOON_S)
        assert VM in host.read().domains

    def test_it_is_called_no_more_before_one_of_its_calls_returned(self, guard: Guard, host: GuardedHost) -> None:
        over = threading.Event()
        for _ in range(MOST_HANGING):
            with pytest.raises(OperationFailedError):
                guard.call("power", lambda: assert_waited(over), SOON_S)
        with pytest.raises(HostUnreachableError, match="calls hang there"):
            host.read()
        over.set()
        while True:
            try:
                assert VM in host.read().domains
            except HostUnreachableError:
                continue  # its threads are about to end
            break


def test_what_is_asked_of_a_guarded_host_reaches_it(inner: FakeHost, host: GuardedHost) -> None:
    host.power.suspend(VM)
    assert host.power.state(VM) == inner.domains.known[VM].power
    assert host.domains.disk_paths() == inner.domains.disk_paths()
    assert (host.name, host.migrations.completed_job(VM)) == ("tallinn", None)


class TestWhatAsksNobody:
    """`Domains.lifecycle` raises nothing by its protocol: a move that has ended is recorded with what it says."""

    @pytest.fixture
    def resting(self, inner: FakeHost, host: GuardedHost) -> GuardedHost:
        inner.faults.unreachable = True
        for _ in range(FAILURES_ALLOWED):
            with pytest.raises(HostUnreachableError):
                host.read()
        with pytest.raises(HostRestingError):
            host.power.state(VM)
        return host

    def test_it_answers_also_while_the_host_rests(self, inner: FakeHost, resting: GuardedHost) -> None:
        uuid = inner.domains.known[VM].uuid
        assert resting.domains.lifecycle(uuid, 0) == inner.domains.lifecycle(uuid, 0)

    def test_its_answer_is_no_sign_of_life(self, inner: FakeHost, resting: GuardedHost) -> None:
        resting.domains.lifecycle(inner.domains.known[VM].uuid, 0)
        calls = inner.faults.made(Operation.READ)
        with pytest.raises(HostRestingError):
            resting.read()
        assert inner.faults.made(Operation.READ) == calls
