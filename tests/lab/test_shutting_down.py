"""How a cold move has a guest power itself off, and what becomes of one that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.records.audit.record import MigrationRecord, Outcome

pytestmark = pytest.mark.soak

VM = "stubborn"
CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
OPEN_AND_SAY_NOTHING = "port=$(ls /dev/vport*p1); (exec 3<>$port; sleep 600) >/dev/null 2>&1 &"
OPEN_AND_OBEY = r"""cat >/run/agent <<'END'
exec 3<>$(ls /dev/vport*p1)
while :; do
    while read -r line <&3; do
        case $line in
        *guest-shutdown*) sync; poweroff -f ;;
        *guest-sync*) id=${line#*\"id\"*:}; echo "{\"return\":${id%%[!0-9 ]*}}" >&3 ;;
        *) echo '{"error":{"class":"CommandNotFound","desc":"no"}}' >&3 ;;
        esac
    done
    sleep 1  # nobody is connected at the other end yet
done
END
sh /run/agent >/dev/null 2>&1 &"""
DEAF_TO_ACPI = "kill $(pidof acpid)"


@pytest.fixture
def guest(lab: RunningLab) -> Iterator[str]:
    """A running guest on the first host, with a channel for an agent that it does not have."""
    lab.add_guest(VM, lab.hosts[0], off=True)
    host = lab.ledger.namespace(lab.hosts[0])
    host.run("virsh", "attach-device", VM, "/dev/stdin", "--config", stdin=CHANNEL)
    lab.virsh(lab.hosts[0], "start", VM)
    lab.wait_until_ready(VM)
    yield VM
    lab.remove_guest(VM)


def inside(lab: RunningLab, script: str) -> None:
    """Have the guest run a script; it must succeed."""
    done = lab.exec(["ssh", f"root@{lab.address(VM)}", script])
    assert done.returncode == 0, done.stderr


def moved(daemon: DaemonRun, lab: RunningLab, cold: str) -> MigrationRecord:
    """A cold move to the second host, to its end; its record."""
    daemon.specs.replace(f"vms/{VM}.toml", 'method = "auto"', 'method = "cold"')
    daemon.specs.append(f"vms/{VM}.toml", f"\n[cold]\n{cold}\n")
    daemon.specs.move(VM, lab.hosts[1])
    daemon.once()
    (record,) = daemon.records(VM)
    return record


def test_the_agent_is_asked_first(guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> None:
    inside(lab, DEAF_TO_ACPI)
    inside(lab, OPEN_AND_OBEY)
    record = moved(daemon_for(guest), lab, "shutdown_timeout_s = 30")
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert record.warnings == ()
    lab.wait_until_ready(guest)


@pytest.mark.parametrize("agent", ["", OPEN_AND_SAY_NOTHING])
def test_acpi_is_asked_where_no_agent_answers(
    guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun], agent: str
) -> None:
    inside(lab, agent or "true")
    record = moved(daemon_for(guest), lab, "shutdown_timeout_s = 30")
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert lab.wait_until_ready(guest) > 0


def test_one_that_powers_off_for_nobody_stays_where_it_is(
    guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    inside(lab, DEAF_TO_ACPI)
    before = lab.counter(guest)
    daemon = daemon_for(guest)
    record = moved(daemon, lab, "shutdown_timeout_s = 10")
    assert record.outcome is Outcome.FAILED
    assert "did not shut down within 10 s" in record.reason
    assert "force_off" in record.remedy
    assert lab.whereabouts(guest) == {lab.hosts[0]: "running"}
    assert lab.disks(guest) == {lab.hosts[0]}
    # It was never off: its counter did not begin anew from its disk.
    assert lab.counter(guest) > before


def test_it_is_powered_off_only_where_its_spec_says_so(
    guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    inside(lab, DEAF_TO_ACPI)
    before = lab.counter(guest)
    record = moved(daemon_for(guest), lab, "shutdown_timeout_s = 10\nforce_off = true")
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert any("was powered off" in warning for warning in record.warnings)
    assert lab.whereabouts(guest) == {lab.hosts[1]: "running"}
    assert lab.wait_until_ready(guest) >= before
