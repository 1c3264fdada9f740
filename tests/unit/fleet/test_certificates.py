"""Certificates read from files, made by the lab's own authority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ferryman.fleet.certificates import Certificates, certificates_of
from ferryman.fleet.host_certificates import folders_named
from ferryman.lab.certificates import Authority, Validity, authority_of, folder_of, write_certificates
from ferryman.lab.layout import Layout, plan_layout

NOW = datetime.now(UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A lab's folders, with certificates and nothing else."""
    made = plan_layout(tmp_path, ("oslo", "bergen"), "10.91.0.0/24")
    write_certificates(made)
    return made


def files(layout: Layout, host: str = "oslo") -> dict[str, bytes | None]:
    return {file.name: file.read_bytes() for file in folder_of(layout.host(host)).iterdir()}


def read(layout: Layout, host: str = "oslo", **instead: bytes | None) -> Certificates:
    """What the host's files say; `server_key=None` leaves a file out."""
    changed = {f"{name.replace('_', '-')}.pem": content for name, content in instead.items()}
    return certificates_of("/etc/pki/qemu", files(layout, host) | changed, NOW)


def test_a_hosts_certificate_serves_both_ends_by_name_and_address(layout: Layout) -> None:
    seen, other = read(layout), read(layout, "bergen")
    assert seen.complete
    assert seen.faults == ()
    assert seen.server == seen.client
    assert seen.server is not None
    assert seen.server.names == {"oslo", "10.91.0.11"}
    assert seen.server.issuer in seen.trusted & other.trusted
    assert seen.server.not_before < NOW < seen.server.not_after


def test_no_files_are_no_certificates_and_no_fault() -> None:
    seen = certificates_of("/etc/pki/qemu", {}, NOW)
    assert not seen.complete
    assert (seen.server, seen.client, seen.trusted, seen.faults) == (None, None, frozenset(), ())


def test_a_missing_key_and_a_broken_file_are_faults(layout: Layout) -> None:
    seen = read(layout, server_key=None, client_cert=b"-----BEGIN CERTIFICATE-----\nbroken")
    assert not seen.complete
    first, second = sorted(seen.faults)
    assert "client-cert.pem is no certificate" in first
    assert second == "server-key.pem is missing"


def test_one_that_another_authority_signed_has_no_issuer(layout: Layout) -> None:
    trusted = files(layout)["ca-cert.pem"]
    Authority.create("somebody else").install(layout.host("oslo"))
    seen = read(layout, ca_cert=trusted)
    assert seen.server is not None
    assert seen.server.issuer == ""
    authority_of(layout).install(layout.host("oslo"), Validity.past())
    renewed = read(layout)
    assert renewed.server is not None
    assert renewed.server.issuer in renewed.trusted
    assert NOW - timedelta(days=2) < renewed.server.not_after < NOW


def test_a_bundle_of_authorities_is_trusted_as_a_whole(layout: Layout) -> None:
    before = read(layout)
    ours = files(layout)["ca-cert.pem"] or b""
    Authority.create("the other site").install(layout.host("bergen"))
    theirs = files(layout, "bergen")["ca-cert.pem"] or b""
    both = read(layout, ca_cert=theirs + ours)
    assert len(both.trusted) == 2
    assert both.server == before.server


def test_hosts_that_are_to_have_none_have_none(tmp_path: Path) -> None:
    made = plan_layout(tmp_path, ("oslo", "bergen"), "10.91.0.0/24")
    write_certificates(made, frozenset({"bergen"}))
    assert folder_of(made.host("oslo")).is_dir()
    assert not folder_of(made.host("bergen")).exists()


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        ("", {}),
        ('#default_tls_x509_cert_dir = "/etc/pki/qemu"\n', {}),
        ('default_tls_x509_cert_dir = "/a"\n', {"default": "/a"}),
        ('nbd_tls_x509_cert_dir="/a"\n  migrate_tls_x509_cert_dir = "/b"\n', {"nbd": "/a", "migrate": "/b"}),
    ],
)
def test_qemu_conf_names_the_folders(text: str, folders: dict[str, str]) -> None:
    assert folders_named(text) == folders
