"""Looking at a fleet in which a host hangs, fails, comes back or is reached another way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator

import pytest

from ferryman.fleet.domains import Domains
from ferryman.fleet.fake.hosts import FakeFleet, FakeHost
from ferryman.fleet.hypervisor import Volumes
from ferryman.fleet.migrating import Migrations
from ferryman.fleet.observing import FleetView, Patience
from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.values import HostDetail, HostReading, Snapshot, Unreachable
from ferryman.specs.host_spec import HostSpec

SOON_S = 20.0
SPECS = {name: HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje", "oslo")}
IMPATIENT = Patience(answered_s=0.2, silent_s=0.05)


class Slow:
    """A fake host whose readings wait until a test lets them through."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self.name = host.name
        self.domains: Domains = host.domains
        self.volumes: Volumes = host.volumes
        self.migrations: Migrations = host.migrations
        self.lets_through = threading.Event()
        self.lets_through.set()
        self.readings = 0
        self.closed = threading.Event()
        self.bug: RuntimeError | None = None

    def read(self) -> HostReading:
        self.readings += 1
        assert self.lets_through.wait(SOON_S)
        if self.bug is not None:
            raise self.bug
        return self._host.read()

    def describe(self, wanted: Collection[VolumeRef]) -> HostDetail:
        return self._host.describe(wanted)

    def close(self) -> None:
        self.closed.set()


class Watch:
    """A view over slow hosts, and what it told."""

    def __init__(self, patience: Patience = IMPATIENT) -> None:
        self.fleet = FakeFleet(*SPECS.values())
        self.opened: list[Slow] = []
        self.changed = threading.Semaphore(0)
        self.view = FleetView(self._connect, self.changed.release, patience)
        self.view.configure(SPECS)

    def host(self, name: str) -> Slow:
        return [host for host in self.opened if host.name == name][-1]

    def unreachable(self) -> set[str]:
        return set(self.view.look().unreachable())

    def _connect(self, spec: HostSpec, _on_change: Callable[[], None]) -> Slow:
        self.opened.append(Slow(self.fleet.hosts[spec.name]))
        return self.opened[-1]


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    for host in watch.opened:
        host.lets_through.set()
    watch.view.close()


def test_a_look_reads_every_host(watch: Watch) -> None:
    watch.fleet.hosts["tallinn"].add_vm("guest-01")
    found = watch.view.look()
    assert isinstance(found, Snapshot)
    assert set(found.hosts) == set(SPECS)
    assert set(found.holders("guest-01")) == {"tallinn"}


class TestAHostThatHangs:
    def test_the_others_are_read_all_the_same(self, watch: Watch) -> None:
        watch.host("tallinn").lets_through.clear()
        found = watch.view.look()
        silent = found.hosts["tallinn"]
        assert isinstance(silent, Unreachable)
        assert "does not answer" in silent.reason
        assert silent.remedy
        assert found.reading("skopje") is not None
        assert found.reading("oslo") is not None

    def test_several_of_them_share_one_deadline(self) -> None:
        patience = Patience(answered_s=1.0, silent_s=0.05)
        watch = Watch(patience)
        for host in watch.opened:
            host.lets_through.clear()
        began = time.monotonic()
        assert watch.unreachable() == set(SPECS)
        first_s = time.monotonic() - began
        began = time.monotonic()
        assert watch.unreachable() == set(SPECS)
        second_s = time.monotonic() - began
        for host in watch.opened:
            host.lets_through.set()
        assert 1.0 <= first_s < 2.0
        assert second_s < 1.0

    def test_it_is_not_asked_again_before_it_answered(self, watch: Watch) -> None:
        watch.host("tallinn").lets_through.clear()
        for _ in range(3):
            watch.view.look()
        assert watch.host("tallinn").readings == 1

    def test_its_late_answer_wakes_the_loop_once_and_is_taken(self, watch: Watch) -> None:
        watch.host("tallinn").lets_through.clear()
        assert watch.unreachable() == {"tallinn"}
        assert watch.unreachable() == {"tallinn"}
        watch.host("tallinn").lets_through.set()
        assert watch.changed.acquire(timeout=SOON_S)
        assert watch.unreachable() == set()
        assert not watch.changed.acquire(blocking=False)

    def test_closing_does_not_wait_for_it(self, watch: Watch) -> None:
        hanging = watch.host("tallinn")
        hanging.lets_through.clear()
        watch.view.look()
        watch.view.close()
        assert (hanging.closed.is_set(), watch.host("oslo").closed.is_set()) == (False, True)
        hanging.lets_through.set()
        assert hanging.closed.wait(SOON_S)

    def test_neither_does_reaching_it_another_way(self, watch: Watch) -> None:
        hanging = watch.host("oslo")
        hanging.lets_through.clear()
        assert watch.unreachable() == {"oslo"}
        watch.view.configure({**SPECS, "oslo": SPECS["oslo"].model_copy(update={"uri": "qemu+tcp://oslo/system"})})
        assert watch.unreachable() == set()
        assert not hanging.closed.is_set()
        hanging.lets_through.set()
        assert hanging.closed.wait(SOON_S)


class TestAHostThatFails:
    def test_it_says_why(self, watch: Watch) -> None:
        watch.fleet.hosts["skopje"].faults.unreachable = True
        failed = watch.view.look().hosts["skopje"]
        assert isinstance(failed, Unreachable)
        assert (failed.reason, failed.remedy) == ("skopje: libvirt does not answer", "Check libvirtd there.")

    def test_it_is_asked_anew_at_each_look(self, watch: Watch) -> None:
        faults = watch.fleet.hosts["skopje"].faults
        faults.unreachable = True
        assert watch.unreachable() == {"skopje"}
        faults.unreachable = False
        assert watch.unreachable() == set()

    def test_its_late_recovery_wakes_the_loop(self, watch: Watch) -> None:
        faults = watch.fleet.hosts["skopje"].faults
        faults.unreachable = True
        watch.view.look()
        faults.unreachable = False
        watch.host("skopje").lets_through.clear()
        assert watch.unreachable() == {"skopje"}
        watch.host("skopje").lets_through.set()
        assert watch.changed.acquire(timeout=SOON_S)
        assert watch.unreachable() == set()

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_bug_in_reading_it_concerns_no_other(self, watch: Watch) -> None:
        watch.host("skopje").bug = RuntimeError("a bug of ours")
        found = watch.view.look()
        failed = found.hosts["skopje"]
        assert isinstance(failed, Unreachable)
        assert "Report" in failed.remedy
        assert set(found.unreachable()) == {"skopje"}
        watch.host("skopje").bug = None
        assert watch.unreachable() == set()


class TestConfiguring:
    def test_the_same_way_keeps_the_connection(self, watch: Watch) -> None:
        watch.view.configure({**SPECS, "oslo": SPECS["oslo"].model_copy(update={"maintenance": True})})
        assert len(watch.opened) == len(SPECS)

    def test_another_way_connects_anew(self, watch: Watch) -> None:
        before = watch.host("oslo")
        watch.view.configure({**SPECS, "oslo": SPECS["oslo"].model_copy(update={"uri": "qemu+tcp://oslo/system"})})
        assert before.closed.is_set()
        assert watch.view.host("oslo") is watch.host("oslo") is not before

    def test_a_host_that_left_is_let_go(self, watch: Watch) -> None:
        watch.view.configure({"tallinn": SPECS["tallinn"]})
        assert set(watch.view.look().hosts) == {"tallinn"}
        assert watch.host("oslo").closed.is_set()
        with pytest.raises(KeyError):
            watch.view.host("oslo")
