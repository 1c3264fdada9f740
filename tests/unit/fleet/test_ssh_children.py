"""Which ssh processes lead to a host, and that no others are ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ferryman.fleet.ssh_children import end_ssh_to, leads_to
from ferryman.specs.models import HostSpec, SshSpec

TO_TALLINN = ["/usr/bin/ssh", "-T", "-l", "root", "--", "tallinn", "sh -c 'nc -U /run/libvirt/libvirt-sock'"]


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Children of this process that are called ssh, and wait: to tallinn, to tallinn by another port, to skopje."""
    wait = "import sys; sys.stdin.read()"
    calls = (["--", "tallinn"], ["-p", "2222", "--", "tallinn"], ["--", "skopje"])
    processes = [
        subprocess.Popen(["ssh", "-c", wait, *arguments], executable=sys.executable, stdin=subprocess.PIPE)
        for arguments in calls
    ]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def test_only_those_that_lead_there_are_ended(started: list[subprocess.Popen[bytes]]) -> None:
    end_ssh_to(HostSpec(name="tallinn", uri="qemu+ssh://root@tallinn/system"))
    assert started[0].wait(20) == -9
    assert [process.poll() for process in started[1:]] == [None, None]
    end_ssh_to(HostSpec(name="tallinn", uri="qemu+ssh://root@tallinn/system", ssh=SshSpec(port=2222)))
    assert started[1].wait(20) == -9
    assert started[2].poll() is None


@pytest.mark.parametrize(
    ("argv", "leads"),
    [
        (TO_TALLINN, True),
        (["ssh", "-p", "22", "--", "tallinn", "sh"], False),
        (["ssh", "--", "skopje", "sh"], False),
        (["git", "tallinn"], False),
        (["ssh", "-p"], False),
        ([], False),
    ],
)
def test_a_call_is_known_by_its_program_host_and_port(argv: list[str], leads: bool) -> None:
    assert leads_to(argv, "tallinn", None) is leads
