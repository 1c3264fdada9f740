"""The contract of `Hypervisor`, kept by the libvirt adapter on real hosts."""

from __future__ import annotations

import sys
from pathlib import Path

from running import RunningLab

CONTRACT = Path(__file__).parents[1] / "contract"
GUEST = "guest-contract"


def test_the_libvirt_adapter_keeps_the_contract(lab: RunningLab) -> None:
    """In a process of its own: a namespace is entered by a whole process, and libvirt's threads stay in it."""
    lab.add_guest(GUEST, lab.hosts[0])
    environment = [
        f"FERRYMAN_CONTRACT_LAB={lab.folder}",
        f"FERRYMAN_CONTRACT_HOSTS={lab.hosts[0]} {lab.hosts[1]}",
        f"FERRYMAN_CONTRACT_VM={GUEST}",
    ]
    try:
        done = lab.exec(["env", *environment, sys.executable, "-m", "pytest", str(CONTRACT)], timeout_s=300)
    finally:
        lab.remove_guest(GUEST)
    assert done.returncode == 0, done.stdout + done.stderr
