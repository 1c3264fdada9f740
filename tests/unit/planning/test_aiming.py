"""Does the VM have to move? What is wanted, what was last applied and what is observed, compared."""

from __future__ import annotations

import pytest
from readings import domain, fleet, reading, snapshot, unreachable, vm_spec

from ferryman.fleet.values import MigrationSide, Power
from ferryman.planning.aiming import Aim, LastPlaced, aim
from ferryman.planning.decisions import Drifted, Refused, StallReason, UpToDate, Wait, WaitReason
from ferryman.planning.findings import FindingCode
from ferryman.planning.plans import Cause

ON_TALLINN = snapshot(reading("tallinn", domain()))
AT_HOME = LastPlaced(home="skopje", host="skopje")


class TestThreeWayComparison:
    def test_where_it_is_wanted_it_stays(self) -> None:
        decided = aim(vm_spec("tallinn"), fleet(), ON_TALLINN, None)
        assert decided == UpToDate(vm="guest-01", host="tallinn")

    def test_seen_for_the_first_time_elsewhere_it_moves(self) -> None:
        decided = aim(vm_spec("skopje"), fleet(), ON_TALLINN, None)
        assert isinstance(decided, Aim)
        assert (decided.source, decided.destinations, decided.cause) == ("tallinn", ("skopje",), Cause.SPEC)

    def test_after_its_spec_named_another_home_it_moves(self) -> None:
        decided = aim(vm_spec("skopje"), fleet(), ON_TALLINN, LastPlaced(home="tallinn", host="tallinn"))
        assert isinstance(decided, Aim)
        assert decided.cause is Cause.SPEC

    def test_moved_by_somebody_else_it_is_reported_and_left(self) -> None:
        decided = aim(vm_spec("skopje"), fleet(), ON_TALLINN, AT_HOME)
        assert decided == Drifted(vm="guest-01", expected="skopje", found="tallinn")

    def test_moved_by_somebody_else_it_is_moved_back_only_where_its_spec_says_so(self) -> None:
        decided = aim(vm_spec("skopje", drift="correct"), fleet(), ON_TALLINN, AT_HOME)
        assert isinstance(decided, Aim)
        assert (decided.cause, decided.destinations) == (Cause.DRIFT, ("skopje",))

    def test_moved_by_somebody_else_away_from_its_refuge_it_is_reported(self) -> None:
        refuge = LastPlaced(home="skopje", host="oslo")
        assert isinstance(aim(vm_spec("skopje"), fleet(), ON_TALLINN, refuge), Drifted)

    def test_moved_by_somebody_else_to_a_host_in_maintenance_it_goes_home(self) -> None:
        decided = aim(vm_spec("skopje"), fleet("tallinn"), ON_TALLINN, AT_HOME)
        assert isinstance(decided, Aim)
        assert (decided.cause, decided.destinations) == (Cause.EVACUATION, ("skopje",))


class TestMaintenance:
    def test_it_leaves_a_home_in_maintenance_for_the_host_with_the_most_room(self) -> None:
        look = snapshot(reading("tallinn", domain()), reading("oslo", memory_mib=64_000))
        decided = aim(vm_spec("tallinn"), fleet("tallinn"), look, LastPlaced(home="tallinn", host="tallinn"))
        assert isinstance(decided, Aim)
        assert (decided.cause, decided.destinations) == (Cause.EVACUATION, ("oslo", "skopje"))

    def test_in_a_refuge_it_stays_while_its_home_is_in_maintenance(self) -> None:
        decided = aim(vm_spec("skopje"), fleet("skopje"), ON_TALLINN, LastPlaced(home="skopje", host="tallinn"))
        assert isinstance(decided, UpToDate)
        assert "in maintenance" in decided.message

    def test_from_a_refuge_it_comes_home_when_that_is_over(self) -> None:
        decided = aim(vm_spec("skopje"), fleet(), ON_TALLINN, LastPlaced(home="skopje", host="tallinn"))
        assert isinstance(decided, Aim)
        assert (decided.cause, decided.destinations) == (Cause.RETURN, ("skopje",))

    def test_from_a_refuge_that_is_evacuated_too_it_goes_on_to_a_third_host(self) -> None:
        look = fleet("skopje", "tallinn")
        decided = aim(vm_spec("skopje"), look, ON_TALLINN, LastPlaced(home="skopje", host="tallinn"))
        assert isinstance(decided, Aim)
        assert decided.destinations == ("oslo",)

    def test_without_a_place_it_stays_and_every_host_says_why(self) -> None:
        spec = vm_spec("tallinn", placement={"hosts": []})
        decided = aim(spec, fleet("tallinn"), ON_TALLINN, None)
        assert isinstance(decided, Refused)
        assert (decided.reason, decided.cause) == (StallReason.NO_PLACE, Cause.EVACUATION)
        assert [finding.reason.split(":")[0] for finding in decided.findings] == ["not to oslo", "not to skopje"]

    def test_a_refuge_with_a_vm_that_it_avoids_is_none(self) -> None:
        look = snapshot(reading("tallinn", domain()), reading("oslo", domain("guest-02")))
        spec = vm_spec("tallinn", placement={"avoid": ["guest-02"]})
        decided = aim(spec, fleet("tallinn"), look, None)
        assert isinstance(decided, Aim)
        assert decided.destinations == ("skopje",)


class TestUnreachableIsNeverAbsent:
    def test_seen_nowhere_while_a_host_is_silent_nothing_is_concluded(self) -> None:
        decided = aim(vm_spec(), fleet(), snapshot(unreachable("oslo")), AT_HOME)
        assert isinstance(decided, Wait)
        assert (decided.reason, decided.remedy) == (WaitReason.HOST_UNREACHABLE, "ping oslo")

    def test_seen_nowhere_while_all_hosts_answer_it_is_missing(self) -> None:
        decided = aim(vm_spec(), fleet(), snapshot(), AT_HOME)
        assert isinstance(decided, Refused)
        assert decided.reason is StallReason.NOT_FOUND

    def test_a_silent_home_is_waited_for(self) -> None:
        look = snapshot(reading("tallinn", domain()), unreachable("skopje"))
        decided = aim(vm_spec("skopje"), fleet(), look, None)
        assert isinstance(decided, Wait)
        assert (decided.reason, decided.remedy) == (WaitReason.HOST_UNREACHABLE, "ping skopje")

    def test_a_silent_host_is_no_refuge(self) -> None:
        look = snapshot(reading("tallinn", domain()), unreachable("skopje"))
        decided = aim(vm_spec("tallinn"), fleet("tallinn"), look, None)
        assert isinstance(decided, Aim)
        assert decided.destinations == ("oslo",)


class TestWhatIsFound:
    def test_running_on_two_hosts_alarms_and_touches_nothing(self) -> None:
        look = snapshot(reading("tallinn", domain()), reading("skopje", domain()))
        decided = aim(vm_spec(), fleet(), look, None)
        assert isinstance(decided, Refused)
        assert (decided.reason, decided.findings[0].code) == (StallReason.RUNNING_TWICE, FindingCode.RUNNING_TWICE)

    def test_defined_on_two_hosts_the_remedy_names_the_one_that_does_not_run(self) -> None:
        look = snapshot(reading("tallinn", domain()), reading("oslo", domain(power=Power.SHUT_OFF)))
        decided = aim(vm_spec(), fleet(), look, None)
        assert isinstance(decided, Refused)
        assert decided.reason is StallReason.ON_TWO_HOSTS
        assert "on oslo" in decided.findings[0].remedy

    def test_a_migration_that_is_not_ours_is_only_watched(self) -> None:
        incoming = domain(power=Power.PAUSED, migration_side=MigrationSide.INCOMING)
        look = snapshot(reading("tallinn", domain()), reading("skopje", incoming))
        decided = aim(vm_spec(), fleet(), look, None)
        assert isinstance(decided, Wait)
        assert decided.reason is WaitReason.MIGRATING_ELSEWHERE

    def test_one_whose_libvirt_waits_for_its_qemu_is_left_alone_and_that_is_said(self) -> None:
        stuck = domain(power=Power.PAUSED, migration_side=MigrationSide.UNKNOWN)
        for look in (
            snapshot(reading("tallinn", stuck)),
            snapshot(reading("tallinn", domain(power=Power.SHUT_OFF)), reading("skopje", stuck)),
        ):
            decided = aim(vm_spec(), fleet(), look, None)
            assert isinstance(decided, Wait)
            assert (decided.reason, "waits for its QEMU" in decided.message) == (WaitReason.CHANGING, True)
            assert "virsh domcontrol" in decided.remedy

    def test_one_end_of_a_migration_is_left_alone_too(self) -> None:
        outgoing = domain(power=Power.PAUSED, migration_side=MigrationSide.OUTGOING)
        decided = aim(vm_spec(), fleet(), snapshot(reading("tallinn", outgoing)), None)
        assert isinstance(decided, Wait)
        assert decided.reason is WaitReason.MIGRATING_ELSEWHERE

    def test_going_down_is_waited_for(self) -> None:
        look = snapshot(reading("tallinn", domain(power=Power.SHUTTING_DOWN)))
        decided = aim(vm_spec(), fleet(), look, None)
        assert isinstance(decided, Wait)
        assert decided.reason is WaitReason.CHANGING

    @pytest.mark.parametrize("power", [Power.PAUSED, Power.CRASHED])
    def test_neither_on_nor_off_is_for_a_person(self, power: Power) -> None:
        decided = aim(vm_spec(), fleet(), snapshot(reading("tallinn", domain(power=power))), None)
        assert isinstance(decided, Refused)
        assert decided.findings[0].code is FindingCode.POWER
        assert "virsh resume guest-01" in decided.findings[0].remedy
