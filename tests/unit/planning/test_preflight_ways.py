"""The way between both ends, and the disks' folders: what commands on the hosts have told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from readings import DISK_REF, detail, disk, ends, facts, fleet, reading, vm_spec, volume
from test_methods import an_aim

from ferryman.fleet.host_facts import Clock, Folder, HostFacts, PeerFacts, Reach, nothing_known
from ferryman.fleet.values import Power
from ferryman.planning.decisions import Refused
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.modes import Driver, ImageCopy
from ferryman.planning.planning import plan as plan_move
from ferryman.planning.plans import DiskPlan, DiskTransfer, Plan
from ferryman.planning.preflight import STANDS_AGAINST, findings
from ferryman.planning.preflight.ways import cold_port_findings
from ferryman.specs.choices import Method

IMAGES = "/var/lib/libvirt/images"
URI = "qemu+ssh://migration@skopje:2222/system"


def found(*, disks: tuple[DiskPlan, ...] = (), **more: Any) -> list[Finding]:
    return list(findings(ends(**more), fleet(), disks))


def plan(transfer: DiskTransfer = DiskTransfer.SHARED) -> DiskPlan:
    return DiskPlan(target="vda", transfer=transfer, source=volume(), destination=DISK_REF, format="qcow2")


def way(**more: Any) -> HostFacts:
    """tallinn, with such a way to skopje."""
    return facts("tallinn", peers={"skopje": PeerFacts(**({"uri": URI, "closed_ports": ()} | more))})


def planned(method: str, here: HostFacts) -> Plan:
    looked_at = ends(source_facts=here)
    decided = plan_move(an_aim(looked_at.vm), vm_spec(method=method), fleet(), looked_at, {})
    assert isinstance(decided, Plan), decided
    return decided


def on(file_system: str, **more: Any) -> dict[str, Folder]:
    return {IMAGES: Folder(file_system=file_system, **more)}


class TestClocks:
    def test_apart_by_more_than_two_seconds_is_a_warning_that_names_the_one_behind(self) -> None:
        (finding,) = found(destination_facts=facts(clock=Clock(ahead_ms=-2300, error_ms=150)))
        assert (finding.code, finding.severity) == (FindingCode.CLOCKS_APART, Severity.WARNING)
        assert "2.3 s apart; skopje is behind" in finding.reason
        assert "timedatectl set-ntp true" in finding.remedy

    @pytest.mark.parametrize("clock", [None, Clock(ahead_ms=2150, error_ms=60), Clock(ahead_ms=9000, error_ms=9000)])
    def test_what_may_be_the_askings_own_error_is_not_told(self, clock: Clock | None) -> None:
        assert found(destination_facts=facts(clock=clock)) == []


class TestPorts:
    def test_closed_ones_are_named_as_ranges(self) -> None:
        (finding,) = found(source_facts=way(closed_ports=(49152, 49153, 49154, 49200)))
        assert finding.code is FindingCode.PORTS_CLOSED
        assert "TCP 49152-49154, 49200" in finding.reason
        assert "nft insert rule" in finding.remedy

    @pytest.mark.parametrize("presync", [True, False])
    @pytest.mark.parametrize("power", [Power.RUNNING, Power.SHUT_OFF])
    def test_they_stand_against_a_cold_move_that_sends_disks_over_them(self, power: Power, *, presync: bool) -> None:
        vm = detail(power=power)
        looked_at = ends(vm, source_facts=way(closed_ports=(49215,)))
        spec = vm_spec(method="cold", cold={"presync": presync})
        decided = plan_move(an_aim(vm), spec, fleet(), looked_at, {})
        assert isinstance(decided, Refused)
        (finding,) = decided.findings
        assert (finding.code, "TCP 49215" in finding.reason) == (FindingCode.PORTS_CLOSED_COLD, True)

    @pytest.mark.parametrize(
        ("image_copy", "transfer"),
        [(ImageCopy.STREAM, DiskTransfer.COPY), (ImageCopy.MIRROR, DiskTransfer.SHARED)],
    )
    def test_they_do_not_stand_against_one_that_sends_nothing_over_them(
        self, image_copy: ImageCopy, transfer: DiskTransfer
    ) -> None:
        looked_at = ends(source_facts=way(closed_ports=(49215,)))
        assert cold_port_findings(looked_at, (plan(transfer),), image_copy) == []
        assert Method.COLD not in STANDS_AGAINST[FindingCode.PORTS_CLOSED]

    def test_not_tried_is_not_closed(self) -> None:
        assert found(source_facts=way(closed_ports=None)) == []


class TestLibvirtdToLibvirtd:
    @pytest.mark.parametrize(
        ("says", "remedy"),
        [
            ("Cannot recv data: Host key verification failed.", "ssh-keyscan -p 2222 skopje >> /root/.ssh/known_hosts"),
            ("Permission denied (publickey).", "ssh-copy-id -p 2222 migration@skopje"),
            ("Could not resolve hostname skopje", "/etc/hosts of tallinn"),
            ("ssh: connect to host skopje port 2222: Connection timed out", "Open port 2222 for tallinn"),
            ("internal error", f"virsh -c '{URI}' list"),
            ("", f"virsh -c '{URI}' list"),
        ],
    )
    def test_each_failure_has_its_remedy(self, says: str, remedy: str) -> None:
        (finding,) = found(source_facts=way(libvirtd=Reach.FAILED, says=says))
        assert (finding.code, finding.severity) == (FindingCode.LIBVIRTD_UNREACHED, Severity.WARNING)
        assert "if it dies in one, the move is cancelled" in finding.reason
        assert remedy in finding.remedy

    def test_not_tried_is_not_failed(self) -> None:
        assert found(source_facts=way(libvirtd=Reach.UNKNOWN)) == []

    @pytest.mark.parametrize("method", ["live", "post-copy", "paused"])
    def test_the_daemon_then_drives_live_moves_itself(self, method: str) -> None:
        decided = planned(method, way(libvirtd=Reach.FAILED, says="Permission denied"))
        why = "the libvirtd of tallinn does not reach that of skopje: Permission denied"
        assert (decided.driven_by, decided.driven_because) == (Driver.DAEMON, why)
        (finding,) = decided.warnings
        assert (finding.code, "ssh-copy-id" in finding.remedy) == (FindingCode.LIBVIRTD_UNREACHED, True)

    @pytest.mark.parametrize("reach", [Reach.REACHED, Reach.UNKNOWN])
    def test_otherwise_the_source_drives_them(self, reach: Reach) -> None:
        decided = planned("live", way(libvirtd=reach))
        assert (decided.driven_by, decided.driven_because, decided.warnings) == (Driver.SOURCE, "", ())

    def test_a_cold_move_is_not_concerned(self) -> None:
        decided = planned("cold", way(libvirtd=Reach.FAILED))
        assert (decided.driven_because, decided.warnings) == ("", ())


class TestPostCopy:
    def test_without_userfaultfd_it_alone_is_refused(self) -> None:
        (finding,) = found(destination_facts=facts(unprivileged_userfaultfd=False))
        assert STANDS_AGAINST[finding.code] == {Method.POST_COPY}
        assert "sysctl --system" in finding.remedy

    @pytest.mark.parametrize("user", ["root", None])
    def test_root_may_always_and_an_unknown_user_is_not_blamed(self, user: str | None) -> None:
        assert found(destination_facts=facts(unprivileged_userfaultfd=False, qemu_user=user)) == []

    def test_where_a_broken_connection_cannot_be_dropped_that_is_said(self) -> None:
        (finding,) = found(destination_facts=facts(user="migration", acts_as_root=False))
        assert (finding.severity, STANDS_AGAINST[finding.code]) == (Severity.WARNING, {Method.POST_COPY})
        assert "migration, without passwordless sudo" in finding.reason
        assert "/etc/sudoers.d/ferryman" in finding.remedy

    @pytest.mark.parametrize("acts_as_root", [True, None])
    def test_root_can_and_the_unknown_is_not_blamed(self, acts_as_root: bool | None) -> None:
        assert found(destination_facts=facts(acts_as_root=acts_as_root)) == []


class TestServing:
    @pytest.mark.parametrize(("acts_as_root", "way"), [(False, ImageCopy.STREAM), (None, ImageCopy.MIRROR)])
    def test_a_cold_move_without_the_rights_of_root_takes_another_way(
        self, acts_as_root: bool | None, way: ImageCopy
    ) -> None:
        assert planned("cold", facts("tallinn", user="migration", acts_as_root=acts_as_root)).image_copy is way

    def test_it_says_so_with_what_grants_them(self) -> None:
        plan_made = planned("cold", facts("tallinn", user="migration", acts_as_root=False))
        (finding,) = plan_made.warnings
        assert "on tallinn ferryman is migration, without passwordless sudo" in finding.reason
        assert "/etc/sudoers.d/ferryman (on tallinn)" in finding.remedy

    def test_a_live_move_is_not_concerned(self) -> None:
        assert planned("live", facts("tallinn", user="migration", acts_as_root=False)).warnings == ()


def test_a_bridge_with_spanning_tree_is_a_warning() -> None:
    (finding,) = found(destination_facts=facts(stp_bridges=frozenset({"kvmbr0", "other"})))
    assert (finding.code, finding.severity) == (FindingCode.BRIDGE_STP, Severity.WARNING)
    assert "ip link set kvmbr0 type bridge stp_state 0" in finding.remedy


class TestDisks:
    @pytest.mark.parametrize("end", ["source_facts", "destination_facts"])
    def test_storage_called_shared_on_a_local_file_system(self, end: str) -> None:
        nfs = {"source_facts": on("nfs4"), "destination_facts": on("nfs4")} | {end: on("ext4")}
        hosts = {"source_facts": "tallinn", "destination_facts": "skopje"}
        both = {name: facts(hosts[name], folders=folders) for name, folders in nfs.items()}
        (finding,) = found(disks=(plan(),), **both)
        assert finding.code is FindingCode.STORAGE_NOT_SHARED
        assert f"({hosts[end]}: ext4)" in finding.reason

    @pytest.mark.parametrize("kind", ["nfs4", "ceph", "gfs2", ""])
    def test_shared_or_unknown_file_systems_are_believed(self, kind: str) -> None:
        both = {"source_facts": facts("tallinn", folders=on(kind)), "destination_facts": facts(folders=on(kind))}
        assert found(disks=(plan(),), **both) == []

    def test_a_copied_disk_may_lie_on_a_local_file_system(self) -> None:
        assert found(disks=(plan(DiskTransfer.COPY),)) == []

    def test_a_folder_that_qemu_cannot_enter(self) -> None:
        closed = facts(folders=on("ext4", open_to_qemu=False))
        (finding,) = found(disks=(plan(DiskTransfer.COPY),), destination_facts=closed)
        assert finding.code is FindingCode.FOLDER_CLOSED
        assert f"QEMU runs as libvirt-qemu, which cannot enter {IMAGES}" in finding.reason

    @pytest.mark.parametrize(
        ("version", "cache", "refused"),
        [(3_001_000, "writeback", True), (3_001_000, "", True), (3_001_000, "none", False), (7_002_000, "", False)],
    )
    def test_a_cached_shared_disk_is_refused_where_libvirt_would(self, version: int, cache: str, refused: bool) -> None:
        vm = detail(disk(cache=cache))
        here = replace(reading("tallinn", vm.domain), hypervisor_version=version)
        unknown = {"source_facts": nothing_known("tallinn"), "destination_facts": nothing_known("skopje")}
        told = found(vm=vm, disks=(plan(),), source=here, **unknown)
        assert [one.code for one in told] == ([FindingCode.DISK_CACHED] if refused else [])


def test_nothing_known_of_both_hosts_stands_against_nothing() -> None:
    unknown = {"source_facts": nothing_known("tallinn"), "destination_facts": nothing_known("skopje")}
    assert found(disks=(plan(),), **unknown) == []
