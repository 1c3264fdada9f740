"""Hosts that are named by an IPv6 address: in every URI it stands in brackets, and nowhere else."""

from __future__ import annotations

import pytest

from ferryman.fleet.images import Export
from ferryman.fleet.libvirt_adapter.door import connection_uri
from ferryman.specs.fields import uri_host
from ferryman.specs.host_spec import HostSpec, SshSpec


@pytest.mark.parametrize(
    ("uri", "ssh", "opened"),
    [
        ("qemu+ssh://root@[fd00::1]:2222/system", SshSpec(), "qemu+ssh://root@[fd00::1]:2222/system?no_tty=1"),
        ("qemu+ssh://root@[fd00::1]/system", SshSpec(port=2222), "qemu+ssh://root@[fd00::1]:2222/system?no_tty=1"),
        ("qemu+ssh://[fd00::1]/system", SshSpec(), "qemu+ssh://[fd00::1]/system?no_tty=1"),
        ("qemu+tcp://[fd00::1]/system", SshSpec(), "qemu+tcp://[fd00::1]/system"),
        ("qemu+ssh://root@10.0.0.1/system", SshSpec(user="move"), "qemu+ssh://move@10.0.0.1/system?no_tty=1"),
    ],
)
def test_libvirt_is_given_the_address_in_brackets(uri: str, ssh: SshSpec, opened: str) -> None:
    assert connection_uri(HostSpec(name="skopje", uri=uri, ssh=ssh)) == opened


def test_a_host_is_expected_and_connected_to_without_them() -> None:
    assert HostSpec(name="skopje", uri="qemu+ssh://root@[fd00::1]/system").effective_migration_address == "fd00::1"
    assert uri_host("tcp://[fd00::1]") == "fd00::1"


def test_an_export_is_named_with_them() -> None:
    assert Export(address="fd00::1", port=49215, name="a").uri == "nbd://[fd00::1]:49215/a"
    assert Export(address="10.0.0.1", port=49215, name="a", tls_name="b").uri == "nbds://10.0.0.1:49215/a"
