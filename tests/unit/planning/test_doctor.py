"""A fleet's hosts judged before the first move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from readings import HOSTS, facts, host_detail, pool, reading

from ferryman.fleet.certificates import Certificates
from ferryman.fleet.host_facts import Clock, Folder, HostFacts, PeerFacts, Reach, nothing_known
from ferryman.fleet.storage import Pool, PoolSource
from ferryman.fleet.survey import Examined, HostCpu, HostSurvey, Trouble
from ferryman.fleet.values import Interface
from ferryman.planning.doctor import Check, Status, Subject, checks, is_sound
from ferryman.specs.host_spec import ArrivalSpec, HostSpec

EPYC = HostCpu(model="EPYC", features=frozenset({"x2apic"}))
ON_KVMBR0 = Interface(mac="52:54:00:00:00:01", kind="bridge", source="kvmbr0")
NO_ROUTE = Trouble(reason="skopje: no route", remedy="ping skopje")


def survey(host: str, *, cpu: HostCpu = EPYC, **more: Any) -> HostSurvey:
    """A host with one VM; `more` are fields of its detail."""
    detail = host_detail(host, **({"reading": reading(host)} | more))
    return HostSurvey(detail=detail, cpu=cpu, attachments={f"vm-on-{host}": (ON_KVMBR0,)})


def examined(host: str, **more: Any) -> Examined:
    spec = HostSpec(name=host, uri=f"qemu+ssh://root@{host}/system")
    return replace(Examined(spec=spec, facts=facts(host), survey=survey(host)), **more)


def told(**hosts: Examined) -> tuple[Check, ...]:
    """Three hosts with nothing wrong, but for these."""
    fleet: Mapping[str, Examined] = {host: examined(host) for host in HOSTS} | hosts
    return checks(fleet)


def findings(**hosts: Examined) -> list[Check]:
    return [check for check in told(**hosts) if check.status is not Status.OK]


def only(checked: list[Check]) -> Check:
    (check,) = checked
    assert check.remedy
    return check


def test_a_sound_fleet_has_ok_lines_only() -> None:
    checked = told()
    assert {check.status for check in checked} == {Status.OK}
    assert is_sound(checked)
    assert {check.subject for check in checked} == set(Subject) - {Subject.USER, Subject.MACHINE, Subject.NETWORKS}
    assert [check.host for check in checked] == sorted(check.host for check in checked)


def test_a_host_without_ssh_is_one_finding() -> None:
    check = only(findings(skopje=examined("skopje", facts=NO_ROUTE, survey=NO_ROUTE)))
    assert (check.host, check.subject, check.status) == ("skopje", Subject.SSH, Status.BLOCKER)
    assert (check.says, check.remedy) == (NO_ROUTE.reason, NO_ROUTE.remedy)


def test_a_user_outside_the_group_is_told_where_libvirt_does_not_answer() -> None:
    outside = facts("skopje", user="migration", groups=frozenset({"migration"}))
    found = findings(skopje=examined("skopje", facts=outside, survey=NO_ROUTE))
    assert [check.subject for check in found] == [Subject.USER, Subject.LIBVIRTD]
    assert found[0].remedy == "usermod -aG libvirt migration (on skopje, as root)"
    assert findings(skopje=examined("skopje", facts=outside)) == []


@pytest.mark.parametrize(
    ("change", "subject", "status", "remedy"),
    [
        ({"clock": Clock(ahead_ms=5000, error_ms=100)}, Subject.CLOCK, Status.WARNING, "timedatectl"),
        ({"stp_bridges": frozenset({"kvmbr0"})}, Subject.STP, Status.WARNING, "stp_state 0"),
        ({"stp_bridges": None}, Subject.STP, Status.UNKNOWN, "bridge -d link"),
        ({"folders": {"/p": Folder(open_to_qemu=False)}}, Subject.FOLDERS, Status.BLOCKER, "namei -l /p"),
        ({"folders": {"/p": Folder()}}, Subject.FOLDERS, Status.UNKNOWN, "sudo"),
        ({"user": "migration", "acts_as_root": False}, Subject.USER, Status.WARNING, "/etc/sudoers.d/ferryman"),
        ({"unprivileged_userfaultfd": False}, Subject.POST_COPY, Status.WARNING, "sysctl --system"),
        ({"unprivileged_userfaultfd": None}, Subject.POST_COPY, Status.UNKNOWN, "qemu.conf"),
    ],
)
def test_what_a_command_on_a_host_finds(change: dict[str, Any], subject: Subject, status: Status, remedy: str) -> None:
    check = only(findings(skopje=examined("skopje", facts=facts("skopje", **change))))
    assert (check.host, check.subject, check.status) == ("skopje", subject, status)
    assert remedy in check.remedy


@pytest.mark.parametrize(
    ("way", "subject", "status"),
    [
        ({"libvirtd": Reach.FAILED, "says": "Host key verification failed."}, Subject.LIBVIRTD_TO_PEER, Status.WARNING),
        ({"libvirtd": Reach.UNKNOWN}, Subject.LIBVIRTD_TO_PEER, Status.UNKNOWN),
        ({"closed_ports": (49152,)}, Subject.PORTS_TO_PEER, Status.BLOCKER),
        ({"closed_ports": None}, Subject.PORTS_TO_PEER, Status.UNKNOWN),
    ],
)
def test_the_way_from_one_host_to_another(way: dict[str, Any], subject: Subject, status: Status) -> None:
    good = facts("tallinn").peers
    bad = PeerFacts(**({"uri": "qemu+ssh://root@oslo/system", "libvirtd": Reach.REACHED, "closed_ports": ()} | way))
    check = only(findings(tallinn=examined("tallinn", facts=facts("tallinn", peers={**good, "oslo": bad}))))
    assert (check.host, check.subject, check.status) == ("tallinn", subject, status)
    assert "oslo" in check.says


@pytest.mark.parametrize(
    ("change", "subject", "status", "words"),
    [
        ({"bridges": frozenset({"br9"})}, Subject.BRIDGES, Status.BLOCKER, "no bridge kvmbr0"),
        ({"pools": {}}, Subject.POOLS, Status.WARNING, "no storage pool vms"),
        ({"pools": {"vms": pool(active=False)}}, Subject.POOLS, Status.BLOCKER, "not active"),
        ({"cpu": HostCpu(model="EPYC", features=frozenset())}, Subject.CPU, Status.WARNING, "without x2apic"),
        ({"reading": reading("skopje", memory_mib=400)}, Subject.MEMORY, Status.WARNING, "no VM can come here"),
        (
            {"reading": replace(reading("skopje"), hypervisor_version=6_000_000)},
            Subject.VERSIONS,
            Status.WARNING,
            "QEMU 6.0.0",
        ),
    ],
)
def test_what_one_host_lacks(change: dict[str, Any], subject: Subject, status: Status, words: str) -> None:
    check = only(findings(skopje=examined("skopje", survey=survey("skopje", **change))))
    assert (check.host, check.subject, check.status) == ("skopje", subject, status)
    assert words in check.says


DIR = replace(pool("a"), target_path="/srv/a b")
NETFS = replace(pool("a", kind="netfs"), source=PoolSource(host="nas", path="/export", format="nfs"))
ISCSI = replace(
    pool("a", kind="iscsi"),
    source=PoolSource(host="san", device="iqn.2026-11.org:vms"),
    target_path="/dev/disk/by-path",
)
LOGICAL = replace(
    pool("a", kind="logical"), source=PoolSource(device="/dev/sdb", name="vg0", format="lvm2"), target_path="/dev/vg0"
)
RBD = replace(pool("a", kind="rbd"), target_path="", source=PoolSource(host="mon", name="vms"))


@pytest.mark.parametrize(
    ("lacking", "options", "folder"),
    [
        (DIR, "dir --target '/srv/a b'", "mkdir -p '/srv/a b' && "),
        (
            NETFS,
            "netfs --source-host nas --source-path /export --source-format nfs --target /var/lib/libvirt/images",
            "mkdir -p /var/lib/libvirt/images && ",
        ),
        (ISCSI, "iscsi --source-host san --source-dev iqn.2026-11.org:vms --target /dev/disk/by-path", ""),
        (LOGICAL, "logical --source-name vg0 --target /dev/vg0", ""),
    ],
    ids=lambda value: value.kind if isinstance(value, Pool) else "",
)
def test_a_pool_is_made_as_the_other_host_has_it(lacking: Pool, options: str, folder: str) -> None:
    start = f"{folder}virsh pool-start a && virsh pool-autostart a (on skopje)"
    assert f"virsh pool-define-as a {options} && {start}" in without(lacking).remedy


def test_a_pool_that_takes_more_than_options_is_defined_by_the_other_hosts_xml() -> None:
    assert "virsh pool-dumpxml a >FILE (on tallinn)" in without(RBD).remedy


def without(lacking: Pool) -> Check:
    """What is said of skopje, where only the other hosts have that pool."""
    both = {"vms": pool(), "a": lacking}
    others = {host: examined(host, survey=survey(host, pools=both)) for host in ("oslo", "tallinn")}
    return only([one for one in findings(**others) if one.host == "skopje"])


def test_a_pool_is_started_in_a_folder_that_is_there() -> None:
    idle = replace(pool(active=False), target_path="/srv/gone")
    check = only(findings(skopje=examined("skopje", survey=survey("skopje", pools={"vms": idle}))))
    assert check.remedy == "mkdir -p /srv/gone && virsh pool-start vms && virsh pool-autostart vms (on skopje)"


def test_another_processor_is_told_on_every_host() -> None:
    other = examined("skopje", survey=survey("skopje", cpu=HostCpu(model="Haswell", features=frozenset())))
    assert {(check.host, check.subject) for check in findings(skopje=other)} == {(host, Subject.CPU) for host in HOSTS}


def test_a_bridge_that_is_mapped_is_not_missing() -> None:
    spec = HostSpec(name="skopje", uri="qemu+ssh://root@skopje/system", arrivals=ArrivalSpec(bridges={"kvmbr0": "br9"}))
    assert findings(skopje=examined("skopje", spec=spec, survey=survey("skopje", bridges=frozenset({"br9"})))) == []


def test_a_network_that_is_defined_and_not_active() -> None:
    on_lan = {"vm-on-oslo": (Interface(mac="52:54:00:00:00:02", kind="network", source="lan"),)}
    uses = examined("oslo", survey=replace(survey("oslo", networks=frozenset({"lan"})), attachments=on_lan))
    idle = {"networks": frozenset[str](), "idle_networks": frozenset({"lan"})}
    active = examined("tallinn", survey=survey("tallinn", networks=frozenset({"lan"})))
    check = only(findings(oslo=uses, tallinn=active, skopje=examined("skopje", survey=survey("skopje", **idle))))
    assert (check.host, check.subject, check.status) == ("skopje", Subject.NETWORKS, Status.BLOCKER)
    assert check.remedy == "virsh net-start lan && virsh net-autostart lan (on skopje)"


def test_what_macvtap_joins_is_looked_for_among_all_interfaces() -> None:
    on_eth1 = {"vm-on-oslo": (Interface(mac="52:54:00:00:00:02", kind="direct", source="eth1"),)}
    uses = examined("oslo", survey=replace(survey("oslo"), attachments=on_eth1))
    lacks = examined("skopje", survey=survey("skopje", links=frozenset({"eth0"})))
    assert "no network interface eth1" in only(findings(oslo=uses, skopje=lacks)).says


def test_two_specs_of_one_machine() -> None:
    twin = survey("skopje", reading=replace(reading("skopje"), uuid="uuid-of-oslo"))
    check = only(findings(skopje=examined("skopje", survey=twin)))
    assert (check.subject, check.says) == (
        Subject.MACHINE,
        "oslo and skopje are the same machine (host UUID uuid-of-oslo)",
    )


def test_a_host_without_ssh_in_its_uri_is_not_called_bad() -> None:
    here: HostFacts = nothing_known("skopje")
    found = findings(skopje=examined("skopje", facts=here))
    assert {check.status for check in found} == {Status.UNKNOWN}
    assert is_sound(tuple(found))


class TestCertificates:
    def holding(self, certificates: Certificates | None) -> Examined:
        seen = replace(reading("skopje"), certificates=certificates)
        return examined("skopje", survey=survey("skopje", reading=seen))

    def sample(self) -> Certificates:
        seen = reading("skopje").certificates
        assert seen is not None
        return seen

    def test_without_any_moves_go_in_plain_text(self) -> None:
        bare = replace(self.sample(), server=None, client=None, trusted=frozenset())
        check = only(findings(skopje=self.holding(bare)))
        assert (check.subject, check.status) == (Subject.CERTIFICATES, Status.WARNING)

    def test_expired_ones_keep_vms_from_moving(self) -> None:
        seen = self.sample()
        late = replace(seen, as_of=seen.as_of + timedelta(days=400))
        assert {check.status for check in findings(skopje=self.holding(late))} == {Status.BLOCKER}

    def test_those_that_cannot_be_seen_are_unknown(self) -> None:
        check = only(findings(skopje=self.holding(None)))
        assert (check.subject, check.status) == (Subject.CERTIFICATES, Status.UNKNOWN)

    def test_a_host_that_cannot_mirror_disks_under_tls_is_told_what_to_copy_where(self) -> None:
        lacking = replace(self.sample(), mirrors_lack="/etc/pki/libvirt-nbd")
        check = only(findings(skopje=self.holding(lacking)))
        assert (check.subject, check.status) == (Subject.CERTIFICATES, Status.WARNING)
        assert "disks of cold moves are not mirrored" in check.says
        assert "/etc/pki/libvirt-nbd/ (on skopje" in check.remedy
