"""The contract of `Hypervisor`, kept by the libvirt adapter on real hosts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from running import RunningLab

CONTRACT = Path(__file__).parents[1] / "contract"
GUEST = "guest-contract"
_LONG = "TestImages or TestMachineFiles or TestDrivenByUs"


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(f"not ({_LONG})", id="short"),
        pytest.param(_LONG, id="long", marks=pytest.mark.soak),
    ],
)
def test_the_libvirt_adapter_keeps_the_contract(chosen: str, lab: RunningLab) -> None:
    """In a process of its own: a namespace is entered by a whole process, and libvirt's threads stay in it."""
    lab.add_guest(GUEST, lab.hosts[0])
    environment = [
        f"FERRYMAN_CONTRACT_LAB={lab.folder}",
        f"FERRYMAN_CONTRACT_HOSTS={lab.hosts[0]} {lab.hosts[1]}",
        f"FERRYMAN_CONTRACT_VM={GUEST}",
    ]
    try:
        pytest_there = [sys.executable, "-m", "pytest", "-k", chosen, str(CONTRACT)]
        done = lab.exec(["env", *environment, *pytest_there], timeout_s=300)
    finally:
        lab.remove_guest(GUEST)
    assert done.returncode == 0, done.stdout + done.stderr
