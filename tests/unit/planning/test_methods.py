"""Which method, and the promise that a VM is powered off only where its own spec names cold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import detail, disk, domain, ends, fleet, found_on, host_detail, pool, reading, vm_spec, volume

from ferryman.fleet.values import DomainDetail, HostDetail, Power
from ferryman.planning.aiming import Aim
from ferryman.planning.decisions import Refused, StallReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.methods import Choice, NoChoice, choose
from ferryman.planning.planning import merged, plan
from ferryman.planning.plans import Cause, Plan
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import VmSpec


def blocker(code: FindingCode) -> Finding:
    return Finding(code=code, severity=Severity.BLOCKER, reason=f"there is {code}", remedy="Mend it.")


def warning(code: FindingCode) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, reason=f"there is {code}", remedy="Mind it.")


class TestAutomatic:
    def test_live_where_it_can(self) -> None:
        choice = choose(vm_spec(allow=["cold", "live"]), detail(), ())
        assert isinstance(choice, Choice)
        assert (choice.method, choice.rejected) == (Method.LIVE, ())

    def test_cold_where_live_cannot_and_its_spec_allows_cold(self) -> None:
        choice = choose(vm_spec(allow=["live", "cold"]), detail(), [blocker(FindingCode.HOST_DEVICE)])
        assert isinstance(choice, Choice)
        assert choice.method is Method.COLD
        assert [no.method for no in choice.rejected] == [Method.LIVE, Method.POST_COPY, Method.PAUSED]
        assert choice.rejected[0].reason == "there is host-device"

    def test_nothing_where_live_cannot_and_cold_is_not_allowed(self) -> None:
        choice = choose(vm_spec(), detail(), [blocker(FindingCode.HOST_DEVICE)])
        assert choice == NoChoice(findings=(blocker(FindingCode.HOST_DEVICE),))

    def test_cold_only_as_its_spec_allows_only_that(self) -> None:
        choice = choose(vm_spec(allow=["cold"]), detail(), ())
        assert isinstance(choice, Choice)
        assert choice.method is Method.COLD
        assert choice.rejected[0].reason == "its spec does not allow it"

    def test_what_blocks_both_is_told_once(self) -> None:
        choice = choose(vm_spec(allow=["live", "cold"]), detail(), [blocker(FindingCode.POOL_MISSING)])
        assert choice == NoChoice(findings=(blocker(FindingCode.POOL_MISSING),))

    def test_warnings_block_nothing(self) -> None:
        assert isinstance(choose(vm_spec(), detail(), [warning(FindingCode.SPACE_SHORT)]), Choice)


class TestNamed:
    @pytest.mark.parametrize(
        ("method", "code", "possible"),
        [
            (Method.LIVE, FindingCode.HOST_DEVICE, False),
            (Method.LIVE, FindingCode.TRANSIENT, True),
            (Method.PAUSED, FindingCode.HOST_DEVICE, False),
            (Method.POST_COPY, FindingCode.WRITES_UNTRACKED, False),
            (Method.PAUSED, FindingCode.WRITES_UNTRACKED, True),
            (Method.COLD, FindingCode.HOST_DEVICE, True),
            (Method.COLD, FindingCode.TRANSIENT, False),
        ],
    )
    def test_only_what_stands_against_that_method_blocks(
        self, method: Method, code: FindingCode, *, possible: bool
    ) -> None:
        choice = choose(vm_spec(method=method.value), detail(), [blocker(code)])
        assert isinstance(choice, Choice) is possible

    def test_nothing_else_is_tried_in_its_place(self) -> None:
        spec = vm_spec(method="live", allow=["live", "cold"])
        assert isinstance(choose(spec, detail(), [blocker(FindingCode.HOST_DEVICE)]), NoChoice)


@pytest.mark.parametrize("method", ["auto", "live", "cold"])
def test_a_vm_that_is_off_moves_as_it_is_whatever_the_method(method: str) -> None:
    choice = choose(vm_spec(method=method), detail(power=Power.SHUT_OFF), ())
    assert isinstance(choice, Choice)
    assert (choice.method, choice.why) == (Method.COLD, "it is shut off")


def an_aim(vm: DomainDetail, cause: Cause = Cause.EVACUATION) -> Aim:
    return Aim(
        vm=vm.domain.name,
        domain=vm.domain,
        source=found_on("tallinn").host,
        destinations=("skopje",),
        cause=cause,
        why="tallinn is in maintenance",
    )


SPECS = st.builds(
    lambda method, allow, promise: vm_spec(method=method, allow=allow, max_downtime_ms=promise),
    st.sampled_from([method.value for method in Method]),
    st.lists(st.sampled_from(["live", "cold"]), min_size=1, unique=True),
    st.none() | st.integers(1, 1000),
)
VMS = st.builds(
    lambda power, devices, snapshots, persistent: detail(
        domain=domain(power=power, persistent=persistent), host_devices=devices, snapshots=snapshots
    ),
    st.sampled_from([Power.RUNNING, Power.SHUT_OFF]),
    st.integers(0, 1),
    st.integers(0, 1),
    st.booleans(),
)
DESTINATIONS = st.sampled_from([host_detail(), host_detail("skopje", pool("other")), host_detail(volumes=(volume(),))])


@given(spec=SPECS, vm=VMS, destination=DESTINATIONS, cause=st.sampled_from(Cause))
def test_no_plan_powers_off_a_running_vm_whose_spec_does_not_name_cold(
    spec: VmSpec, vm: DomainDetail, destination: HostDetail, cause: Cause
) -> None:
    decided = plan(an_aim(vm, cause), spec, fleet("tallinn"), ends(vm, destination), {})
    if isinstance(decided, Refused):
        assert decided.findings
        assert all(finding.remedy for finding in decided.findings)
        return
    assert decided.method is not Method.AUTO
    assert decided.running is (vm.domain.power is Power.RUNNING)
    if decided.running and decided.method is Method.COLD:
        assert Method.COLD in ((spec.method,) if spec.method is not Method.AUTO else spec.allow)


class TestPlan:
    def test_says_why_there_and_why_so(self) -> None:
        decided = plan(an_aim(detail()), vm_spec(method="live"), fleet(), ends(), {})
        assert isinstance(decided, Plan)
        assert decided.why == 'tallinn is in maintenance; its spec says method = "live"'
        assert (decided.source, decided.destination, decided.cause) == ("tallinn", "skopje", Cause.EVACUATION)
        assert [one.target for one in decided.disks] == ["vda"]

    @pytest.mark.parametrize(
        ("auto_converge", "here", "there", "held_back"),
        [
            (True, 8_000_000, 9_000_000, True),
            (False, 9_000_000, 9_000_000, False),
            (True, 7_010_000, 9_000_000, False),
            (True, 9_000_000, 7_010_000, False),
        ],
    )
    def test_holds_a_guests_writes_back_where_its_spec_says_so_and_both_libvirts_know_how(
        self, auto_converge: bool, here: int, there: int, held_back: bool
    ) -> None:
        spec = vm_spec(method="live", live={"auto_converge": auto_converge})
        source = replace(reading("tallinn", domain()), libvirt_version=here)
        destination = host_detail(reading=replace(reading("skopje"), libvirt_version=there))
        decided = plan(an_aim(detail()), spec, fleet(), ends(None, destination, source=source), {})
        assert isinstance(decided, Plan)
        assert decided.synchronous_writes is held_back

    def test_carries_its_warnings_along(self) -> None:
        tight = ends(None, host_detail("skopje", pool(available_mib=20)))
        decided = plan(an_aim(detail()), vm_spec(), fleet(), tight, {})
        assert isinstance(decided, Plan)
        assert [finding.code for finding in decided.warnings] == [FindingCode.SPACE_SHORT]

    def test_a_refusal_tells_storage_and_machine_troubles_together(self) -> None:
        vm = detail(disk(backing=True), snapshots=1)
        decided = plan(an_aim(vm), vm_spec(), fleet(), ends(vm), {})
        assert isinstance(decided, Refused)
        assert (decided.reason, decided.destination) == (StallReason.PREFLIGHT, "skopje")
        assert {finding.code for finding in decided.findings} == {FindingCode.SNAPSHOTS, FindingCode.BACKING_CHAIN}

    def test_refusals_of_several_destinations_become_one(self) -> None:
        def refused(host: str, *codes: FindingCode) -> Refused:
            found = tuple(map(blocker, codes))
            return Refused(vm="guest-01", reason=StallReason.PREFLIGHT, findings=found, destination=host)

        one = merged(
            [
                refused("oslo", FindingCode.POOL_MISSING, FindingCode.SNAPSHOTS),
                refused("skopje", FindingCode.SNAPSHOTS),
            ]
        )
        assert [finding.code for finding in one.findings] == [FindingCode.POOL_MISSING, FindingCode.SNAPSHOTS]
        assert one.destination == "oslo"
