"""A changed spec moves its VM, and what happened is written down and committed."""

from __future__ import annotations

from house import Daemon, House

from ferryman.planning.decisions import UpToDate
from ferryman.planning.plans import Cause
from ferryman.records.audit.record import Outcome
from ferryman.records.state.conditions import InFlight
from ferryman.records.state.states import ConditionType, Placed

VM = "guest-01"


class TestOneMove:
    def test_the_vm_runs_where_its_spec_says_and_only_there(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        house.vm(VM, "skopje")
        found = daemon.until_quiet()
        assert found.statuses == {VM: UpToDate(vm=VM, host="skopje")}
        assert house.fleet.running(VM) == house.fleet.defined(VM) == ("skopje",)

    def test_state_record_and_commit_appear(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        house.vm(VM, "skopje")
        daemon.until_quiet()
        (record,) = house.records()
        assert (record.outcome, record.source, record.destination) == (Outcome.SUCCEEDED, "tallinn", "skopje")
        assert record.cause.kind is Cause.SPEC
        state = house.states()[VM]
        assert (state.host, state.power) == ("skopje", "running")
        assert state.placed == Placed(home="skopje", host="skopje")
        assert state.last_migration is not None
        assert state.last_migration.id == record.id
        assert state.last_applied_revision == state.last_attempted_revision == record.cause.revision
        assert f"{VM}: moved tallinn -> skopje (live), downtime unmeasured" in house.log()
        assert house.git("status", "--porcelain") == ""

    def test_a_moves_commit_holds_its_record_and_names_its_cause(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.start().until_quiet()
        (record,) = house.records()
        commit = house.git("log", "--format=%H", "--grep=Outcome: succeeded").strip()
        assert record.id in house.git("show", "--stat=200", "--format=", commit)
        assert f"Cause-Revision: {record.cause.revision}" in house.git("show", "--format=%B", "--no-patch", commit)

    def test_nothing_is_written_while_nothing_changes(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        before = house.log()
        house.clock.passed_s += 60
        daemon.look()
        assert house.log() == before

    def test_the_journal_is_empty_afterwards(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        daemon = house.start()
        daemon.until_quiet()
        assert daemon.chronicle.journal.entries() == ()


def wished_while_on_its_way(house: House, host: str) -> Daemon:
    """The VM is on its way from tallinn to skopje, and its spec is changed to this host meanwhile."""
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    house.gates.close(VM)
    for wished in ("skopje", host):
        house.vm(VM, wished)
        daemon.look()
    house.gates.open()
    return daemon


class TestWhileItIsUnderWay:
    def test_the_vms_and_its_hosts_states_wait_for_the_end(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        hosts = house.host_states()
        house.gates.close(VM)
        house.vm(VM, "skopje")
        found = daemon.look()
        assert isinstance(found.statuses[VM], InFlight)
        assert house.states()[VM].host == "tallinn"
        assert house.said(VM).reason == "Moving"
        log = house.log()
        daemon.look()
        assert (house.host_states(), house.log()) == (hosts, log)

    def test_an_unrelated_commit_is_not_taken_for_what_is_attempted(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.gates.close(VM)
        house.vm(VM, "skopje")
        daemon = house.start()
        daemon.look()
        attempted = house.states()[VM].last_attempted_revision
        house.settled_vm("guest-02", "oslo")
        daemon.look()
        assert house.states()[VM].last_attempted_revision == attempted != ""

    def test_another_wish_is_fulfilled_next_and_is_no_drift(self, house: House) -> None:
        daemon = wished_while_on_its_way(house, "oslo")
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("oslo",)
        assert [(record.destination, record.cause.kind) for record in house.records()] == [
            ("skopje", Cause.SPEC),
            ("oslo", Cause.SPEC),
        ]

    def test_taking_the_wish_back_brings_it_back_and_is_no_drift(self, house: House) -> None:
        daemon = wished_while_on_its_way(house, "tallinn")
        found = daemon.until_quiet()
        assert found.statuses == {VM: UpToDate(vm=VM, host="tallinn")}
        assert house.states()[VM].placed == Placed(home="tallinn", host="tallinn")

    def test_a_vm_that_leaves_the_specs_is_brought_to_its_end_and_recorded(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm("guest-02", "oslo")
        daemon = house.start()
        daemon.look()
        house.gates.close(VM)
        house.vm(VM, "skopje")
        daemon.look()
        (house.specs / "vms" / f"{VM}.toml").unlink()
        daemon.look()
        house.gates.open()
        daemon.until_quiet()
        assert house.fleet.running(VM) == house.fleet.defined(VM) == ("skopje",)
        assert [record.outcome for record in house.records()] == [Outcome.SUCCEEDED]
        assert VM not in house.states()
        assert daemon.chronicle.journal.entries() == ()
        assert house.git("status", "--porcelain") == ""

    def test_a_spec_that_breaks_does_not_disturb_it(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        house.gates.close(VM)
        house.vm(VM, "skopje")
        daemon.look()
        house.vm(VM, "skopje", "metod = 3\n")
        assert isinstance(daemon.look().statuses[VM], InFlight)
        house.gates.open()
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("skopje",)
        assert house.said(VM).reason == "InvalidSpec"


class TestLeftAlone:
    def test_a_suspended_vm_is_observed_and_not_moved(self, house: House) -> None:
        house.at("tallinn").add_vm(VM)
        house.vm(VM, "skopje", "suspend = true\n")
        house.start().until_quiet()
        assert house.states()[VM].host == "tallinn"
        assert house.said(VM).type is ConditionType.SUSPENDED
        assert house.heard.begun_vms == []

    def test_a_vm_whose_spec_is_broken_stays_also_when_its_host_is_emptied(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm("guest-02", "tallinn")
        daemon = house.start()
        daemon.look()
        house.vm(VM, "tallinn", "metod = 3\n")
        house.host("tallinn", "maintenance = true\n")
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("tallinn",)
        assert house.fleet.running("guest-02") != ("tallinn",)
        assert (house.said(VM).type, house.said(VM).reason) == (ConditionType.STALLED, "InvalidSpec")
        assert house.host_states()["tallinn"].remaining == (VM,)

    def test_a_daemon_that_is_stopping_begins_nothing(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        daemon = house.start()
        daemon.stop.set()
        assert daemon.look().moving == frozenset()
        assert house.said(VM).reason == "MovePlanned"
