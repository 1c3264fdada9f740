"""Encrypted or not, and what stands against a move under TLS."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from readings import detail, disk, ends, fleet, host_detail, host_spec, reading, vm_spec
from test_methods import an_aim, plan

from ferryman.fleet.certificates import Certificate, Certificates
from ferryman.fleet.fake.certificates import NOON, certificates_for
from ferryman.fleet.values import HostReading, Power
from ferryman.planning.decisions import Refused
from ferryman.planning.encryption import EncryptionChoice, encryption
from ferryman.planning.findings import FindingCode, Severity
from ferryman.planning.modes import ImageCopy
from ferryman.planning.plans import Plan
from ferryman.planning.preflight import ReadEnds
from ferryman.planning.privacy import cold_encryption
from ferryman.specs.choices import Encryption
from ferryman.specs.host_spec import HostSpec

PREFER, REQUIRE, OFF = Encryption.PREFER, Encryption.REQUIRE, Encryption.OFF
SOURCE, DESTINATION = "tallinn", "skopje"


def good(host: str) -> Certificates:
    return certificates_for(host_spec(host))


def bare(host: str) -> Certificates:
    return replace(good(host), server=None, client=None, trusted=frozenset())


def shown(host: str, **more: Any) -> Certificates:
    """Its certificates with something about both of them changed."""
    seen = good(host)
    assert seen.server is not None
    changed = replace(seen.server, **more)
    return replace(seen, server=changed, client=changed)


def holding(host: str, certificates: Certificates | None) -> HostReading:
    return replace(reading(host), certificates=certificates)


def choice(
    wanted: Encryption,
    here: Certificates | None,
    there: Certificates | None,
    spec: HostSpec | None = None,
) -> EncryptionChoice:
    to = spec or host_spec(DESTINATION)
    return encryption(wanted, holding(SOURCE, here), holding(DESTINATION, there), to)


def blockers(chosen: EncryptionChoice) -> list[FindingCode]:
    return [finding.code for finding in chosen.findings if finding.severity is Severity.BLOCKER]


def warnings(chosen: EncryptionChoice) -> list[FindingCode]:
    return [finding.code for finding in chosen.findings if finding.severity is Severity.WARNING]


@pytest.mark.parametrize("wanted", [PREFER, REQUIRE])
def test_encrypted_where_both_hosts_have_certificates(wanted: Encryption) -> None:
    chosen = choice(wanted, good(SOURCE), good(DESTINATION))
    assert chosen == EncryptionChoice(encrypted=True, tls_name=DESTINATION)


def test_off_is_off_whatever_the_hosts_have() -> None:
    chosen = choice(OFF, good(SOURCE), shown(DESTINATION, not_after=NOON))
    assert (chosen.encrypted, chosen.findings) == (False, ())
    assert "off" in chosen.plain_because


@pytest.mark.parametrize("lacking", [SOURCE, DESTINATION])
class TestWithoutCertificates:
    def ends(self, lacking: str) -> tuple[Certificates, Certificates]:
        here, there = (bare(host) if host == lacking else good(host) for host in (SOURCE, DESTINATION))
        return here, there

    def test_prefer_goes_in_plain_text_and_says_why(self, lacking: str) -> None:
        chosen = choice(PREFER, *self.ends(lacking))
        assert not chosen.encrypted
        assert f"{lacking} has no certificates" in chosen.plain_because
        assert (blockers(chosen), warnings(chosen)) == ([], [FindingCode.CERTIFICATE_MISSING])

    def test_require_refuses_with_a_remedy(self, lacking: str) -> None:
        chosen = choice(REQUIRE, *self.ends(lacking))
        assert blockers(chosen) == [FindingCode.CERTIFICATE_MISSING]
        assert "docs/tls.md" in chosen.findings[0].remedy


class TestUnknownCertificates:
    def test_prefer_does_not_count_on_them(self) -> None:
        chosen = choice(PREFER, good(SOURCE), None)
        assert not chosen.encrypted
        assert (blockers(chosen), warnings(chosen)) == ([], [FindingCode.CERTIFICATE_UNKNOWN])

    def test_require_counts_on_libvirt_to_refuse_without_them(self) -> None:
        chosen = choice(REQUIRE, None, None)
        assert chosen.encrypted
        assert (blockers(chosen), warnings(chosen)) == ([], [FindingCode.CERTIFICATE_UNKNOWN] * 2)


@pytest.mark.parametrize("wanted", [PREFER, REQUIRE])
class TestWrongCertificatesNeverMeanPlainText:
    def test_expired(self, wanted: Encryption) -> None:
        chosen = choice(wanted, shown(SOURCE, not_after=NOON), good(DESTINATION))
        assert chosen.encrypted
        assert blockers(chosen) == [FindingCode.CERTIFICATE_INVALID] * 2
        assert "expired on 2026-11-23 12:00 UTC" in chosen.findings[0].reason

    def test_not_valid_yet(self, wanted: Encryption) -> None:
        early = shown(DESTINATION, not_before=NOON + timedelta(hours=1))
        assert blockers(choice(wanted, good(SOURCE), early)) == [FindingCode.CERTIFICATE_INVALID] * 2

    def test_signed_by_nobody_that_its_own_host_trusts(self, wanted: Encryption) -> None:
        stranger = shown(DESTINATION, issuer="")
        assert blockers(choice(wanted, good(SOURCE), stranger)) == [FindingCode.CERTIFICATE_INVALID] * 2

    def test_signed_by_an_authority_that_the_other_host_does_not_trust(self, wanted: Encryption) -> None:
        other = replace(shown(DESTINATION, issuer="0b" * 32), trusted=frozenset({"0b" * 32}))
        chosen = choice(wanted, good(SOURCE), other)
        assert blockers(chosen) == [FindingCode.CERTIFICATE_INVALID] * 2
        assert "tallinn does not trust skopje's" in chosen.findings[1].reason
        assert "skopje does not trust tallinn's" in chosen.findings[0].reason

    def test_for_another_host(self, wanted: Encryption) -> None:
        chosen = choice(wanted, good(SOURCE), shown(DESTINATION, names=frozenset({"oslo", "10.0.0.9"})))
        assert blockers(chosen) == [FindingCode.CERTIFICATE_INVALID]
        assert "is for 10.0.0.9, oslo" in chosen.findings[0].reason

    def test_a_key_that_is_missing(self, wanted: Encryption) -> None:
        half = replace(good(SOURCE), server=None, faults=("server-key.pem is missing",))
        chosen = choice(wanted, half, good(DESTINATION))
        assert blockers(chosen) == [FindingCode.CERTIFICATE_INVALID]


def test_one_that_expires_soon_is_told_and_used() -> None:
    chosen = choice(PREFER, good(SOURCE), shown(DESTINATION, not_after=NOON + timedelta(days=3)))
    assert chosen.encrypted
    assert warnings(chosen) == [FindingCode.CERTIFICATE_EXPIRES] * 2


@pytest.mark.parametrize(
    ("borne", "expected"),
    [
        ({"10.0.0.12", "skopje"}, "10.0.0.12"),
        ({"SKOPJE"}, "skopje"),
        ({"fd00:0:0:0::12"}, ""),
        ({"*.example.org"}, ""),
    ],
)
def test_the_destination_is_expected_by_the_best_name_that_it_bears(borne: set[str], expected: str) -> None:
    spec = HostSpec(name="skopje", uri="qemu+ssh://root@skopje/system", migration_address="10.0.0.12")
    assert choice(PREFER, good(SOURCE), shown(DESTINATION, names=frozenset(borne)), spec).tls_name == expected


def test_a_star_stands_for_one_label() -> None:
    spec = HostSpec(name="skopje", uri="qemu+ssh://root@skopje.example.org/system")
    starred = shown(DESTINATION, names=frozenset({"*.example.org"}))
    assert choice(PREFER, good(SOURCE), starred, spec).tls_name == "skopje.example.org"
    deeper = HostSpec(name="skopje", uri="qemu+ssh://root@skopje.rack.example.org/system")
    assert blockers(choice(PREFER, good(SOURCE), starred, deeper)) == [FindingCode.CERTIFICATE_INVALID]


class TestPlan:
    def test_carries_the_choice(self) -> None:
        decided = plan(an_aim(detail()), vm_spec(), fleet(), ends(), {})
        assert isinstance(decided, Plan)
        assert (decided.encrypted, decided.tls_name, decided.plain_because) == (True, DESTINATION, "")

    def test_is_refused_where_it_must_be_encrypted_and_cannot(self) -> None:
        there = replace(host_detail(), reading=holding(DESTINATION, bare(DESTINATION)))
        decided = plan(an_aim(detail()), vm_spec(encryption="require"), fleet(), ends(None, there), {})
        assert isinstance(decided, Refused)
        assert [finding.code for finding in decided.findings] == [FindingCode.CERTIFICATE_MISSING]

    def test_nothing_is_asked_of_the_hosts_where_nothing_travels(self) -> None:
        shared = detail(disk(source_kind="network", volume=None), power=Power.SHUT_OFF)
        there = replace(host_detail(), reading=holding(DESTINATION, bare(DESTINATION)))
        both = ReadEnds(vm=shared, source=holding(SOURCE, None), destination=there)
        decided = plan(an_aim(shared), vm_spec(encryption="require"), fleet(), both, {})
        assert isinstance(decided, Plan), decided
        assert (decided.encrypted, decided.plain_because) == (False, "neither memory nor disks travel")


class TestColdPlan:
    """Its disks go under TLS as well, or by SSH."""

    def cold(self, encryption: str, there: Certificates) -> Plan | Refused:
        destination = replace(host_detail(), reading=holding(DESTINATION, there))
        spec = vm_spec(method="cold", encryption=encryption)
        decided = plan(an_aim(detail()), spec, fleet(), ends(None, destination), {})
        assert isinstance(decided, Plan | Refused), decided
        return decided

    def planned(self, encryption: str, there: Certificates) -> Plan:
        decided = self.cold(encryption, there)
        assert isinstance(decided, Plan), decided
        return decided

    @pytest.mark.parametrize("encryption", ["prefer", "require"])
    def test_under_tls_where_both_hosts_have_certificates(self, encryption: str) -> None:
        decided = self.planned(encryption, good(DESTINATION))
        assert (decided.encrypted, decided.tls_name, decided.plain_because) == (True, DESTINATION, "")
        assert (decided.image_copy, decided.warnings) == (ImageCopy.MIRROR, ())

    @pytest.mark.parametrize("encryption", ["prefer", "require"])
    def test_wrong_certificates_are_refused(self, encryption: str) -> None:
        decided = self.cold(encryption, shown(DESTINATION, not_after=NOON))
        assert isinstance(decided, Refused)
        assert {finding.code for finding in decided.findings} == {FindingCode.CERTIFICATE_INVALID}

    def test_required_and_without_certificates_they_go_by_ssh_though_that_takes_longer(self) -> None:
        decided = self.planned("require", bare(DESTINATION))
        assert (decided.encrypted, decided.image_copy, decided.warnings) == (True, ImageCopy.STREAM, ())

    def test_preferred_and_without_certificates_they_go_the_fast_way_with_a_warning(self) -> None:
        decided = self.planned("prefer", bare(DESTINATION))
        assert (decided.encrypted, decided.image_copy) == (False, ImageCopy.MIRROR)
        assert [finding.code for finding in decided.warnings] == [FindingCode.PLAIN_TEXT]
        assert "skopje has no certificates" in decided.warnings[0].reason
        assert "require" in decided.warnings[0].remedy

    @pytest.mark.parametrize(
        ("encryption", "encrypted", "way"), [("prefer", False, ImageCopy.MIRROR), ("require", True, ImageCopy.STREAM)]
    )
    def test_certificates_that_libvirt_does_not_find_for_disks_are_none(
        self, encryption: str, way: ImageCopy, *, encrypted: bool
    ) -> None:
        here = replace(good(SOURCE), mirrors_lack="/etc/pki/libvirt-nbd")
        both = ReadEnds(vm=detail(), source=holding(SOURCE, here), destination=host_detail())
        decided = plan(an_aim(detail()), vm_spec(method="cold", encryption=encryption), fleet(), both, {})
        assert isinstance(decided, Plan), decided
        assert (decided.encrypted, decided.image_copy) == (encrypted, way)
        assert ("/etc/pki/libvirt-nbd" in decided.plain_because) == (encryption == "prefer")

    def test_off_they_go_the_fast_way(self) -> None:
        decided = self.planned("off", bare(DESTINATION))
        assert (decided.encrypted, decided.warnings) == (False, ())
        assert "off" in decided.plain_because

    @pytest.mark.parametrize(("wanted", "blocked"), [(REQUIRE, [FindingCode.PLAIN_TEXT]), (PREFER, []), (OFF, [])])
    def test_without_ssh_they_are_not_and_required_means_refused(
        self, wanted: Encryption, blocked: list[FindingCode]
    ) -> None:
        over_nbd = choice(wanted, None, None)
        streamed = cold_encryption(wanted, ImageCopy.STREAM, over_nbd, stream_by_ssh=False)
        assert not streamed.encrypted
        assert blockers(streamed) == blocked


def test_the_sample_is_in_order() -> None:
    seen = good(SOURCE)
    assert isinstance(seen.server, Certificate)
    assert seen.complete
