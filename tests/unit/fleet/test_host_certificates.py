"""Looking for a host's certificates: where, how often, and what it means that they cannot be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from ferryman.fleet.errors import HostUnreachableError
from ferryman.fleet.host_certificates import QEMU_CONF, HostCertificates, read_certificates
from ferryman.lab.certificates import folder_of, write_certificates
from ferryman.lab.layout import plan_layout

NOW = datetime.now(UTC)
DEFAULT = "/etc/pki/qemu"


@dataclass
class FakeFiles:
    """A host's files in memory."""

    content: dict[str, bytes]
    forbidden: set[str] = field(default_factory=set)
    looks: int = 0
    broken: bool = False
    keys_read: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.looks += 1
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, path: str) -> bytes | None:
        self._try(path)
        if path.endswith("-key.pem"):
            self.keys_read.append(path)
        return self.content.get(path)

    def exists(self, path: str) -> bool:
        self._try(path)
        return path in self.content or any(name.startswith(f"{path}/") for name in self.content)

    def _try(self, path: str) -> None:
        if self.broken:
            raise HostUnreachableError("the SSH session broke", "Nothing to do.")
        if path in self.forbidden:
            raise PermissionError(path)


@pytest.fixture
def pems(tmp_path: Path) -> dict[str, bytes]:
    """One host's certificates and keys, by name."""
    made = plan_layout(tmp_path, ("oslo", "bergen"), "10.91.0.0/24")
    write_certificates(made)
    return {file.name: file.read_bytes() for file in folder_of(made.host("oslo")).iterdir()}


def in_folder(folder: str, pems: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in pems.items()}


@pytest.mark.parametrize(
    ("qemu_conf", "folder"),
    [
        ('default_tls_x509_cert_dir = "/srv/tls"\n', "/srv/tls"),
        ("", DEFAULT),
        ("", "/etc/pki/libvirt-migrate"),
    ],
)
def test_they_are_sought_where_libvirt_seeks_them(qemu_conf: str, folder: str, pems: dict[str, bytes]) -> None:
    files = FakeFiles({QEMU_CONF: qemu_conf.encode()} | in_folder(folder, pems))
    seen = read_certificates(files, NOW)
    assert seen is not None
    assert seen.complete
    assert seen.folder == folder
    assert files.keys_read == []


def test_a_folder_for_migrations_alone_comes_before_the_default(pems: dict[str, bytes]) -> None:
    named = {QEMU_CONF: b'default_tls_x509_cert_dir = "/srv/tls"\n'}
    seen = read_certificates(FakeFiles(named | in_folder("/etc/pki/libvirt-migrate", pems)), NOW)
    assert seen is not None
    assert (seen.complete, seen.folder) == (True, "/etc/pki/libvirt-migrate")


@pytest.mark.parametrize(
    ("qemu_conf", "also_in", "lack"),
    [
        ("", "", DEFAULT),
        ("", "/etc/pki/libvirt-nbd", ""),
        ('nbd_tls_x509_cert_dir = "/srv/nbd"\n', "", "/srv/nbd"),
        ('nbd_tls_x509_cert_dir = "/etc/pki/libvirt-migrate"\n', "", ""),
    ],
)
def test_those_of_mirrored_disks_are_sought_elsewhere(
    qemu_conf: str, also_in: str, lack: str, pems: dict[str, bytes]
) -> None:
    also = in_folder(also_in, pems) if also_in else {}
    content = {QEMU_CONF: qemu_conf.encode()} | in_folder("/etc/pki/libvirt-migrate", pems) | also
    seen = read_certificates(FakeFiles(content), NOW)
    assert seen is not None
    assert seen.mirrors_lack == lack


def test_a_configuration_that_may_not_be_read_means_the_default(pems: dict[str, bytes]) -> None:
    files = FakeFiles(in_folder(DEFAULT, pems), forbidden={QEMU_CONF})
    seen = read_certificates(files, NOW)
    assert seen is not None
    assert seen.complete


def test_certificates_that_may_not_be_seen_are_unknown_and_not_absent(pems: dict[str, bytes]) -> None:
    files = FakeFiles(in_folder(DEFAULT, pems), forbidden={f"{DEFAULT}/ca-cert.pem"})
    assert read_certificates(files, NOW) is None
    absent = read_certificates(FakeFiles({}), NOW)
    assert absent is not None
    assert not absent.complete


def test_one_look_serves_many_questions(pems: dict[str, bytes]) -> None:
    files = FakeFiles(in_folder(DEFAULT, pems))
    known = HostCertificates(lambda: files)
    first, second = known.latest(), known.latest()
    assert first is not None
    assert second is not None
    assert first.as_of < second.as_of
    assert first.server == second.server
    assert files.looks == 1


def test_a_look_that_fails_says_nothing_and_holds_up_nobody_again() -> None:
    files = FakeFiles({}, broken=True)
    known = HostCertificates(lambda: files)
    assert known.latest() is None
    assert known.latest() is None
    assert files.looks == 1


def test_a_host_that_is_not_reached_by_ssh_is_unknown() -> None:
    assert HostCertificates(lambda: None).latest() is None
