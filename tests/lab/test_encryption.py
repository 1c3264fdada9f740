"""What leaves a host in plain text, and what does not: seen on the cable itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import wire_tap
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab.certificates import Authority, Validity, authority_of, folder_of
from ferryman.planning.modes import ImageCopy
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.state.states import ConditionType
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

VM = "secret"
MARKER = "this-is-nobody-elses-business"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the tap heard."""

    migration_bytes: int
    markers: int


@contextmanager
def tapped(lab: RunningLab, host: str) -> Iterator[Callable[[], Heard]]:
    """Listen at the switch on this host's cable for the block; call the value to end it."""
    port = lab.ledger.layout.host(host).switch_port
    argv = lab.ledger.operator.enter([sys.executable, str(Path(wire_tap.__file__).resolve()), port, MARKER])

    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tap:

        def end() -> Heard:
            heard, found = tap.communicate(timeout=60)[0].split()
            return Heard(migration_bytes=int(heard), markers=int(found))

        assert tap.stdout is not None
        assert tap.stdout.readline().strip() == "ready"
        try:
            yield end
        finally:
            tap.kill()


@pytest.fixture(scope="module")
def guest(lab: RunningLab) -> Iterator[str]:
    """A running guest with the marker all over its disk and its memory; each test leaves it on whatever host."""
    planned = lab.add_guest(VM, lab.hosts[0])
    write = "dd if=/run/marked of=/dev/vda bs=1M seek=8 conv=fsync"
    fill = f"yes {MARKER} | head -c {4 * MIB} >/run/marked && {write}"
    done = lab.exec(["ssh", f"root@{planned.address}", fill])
    assert done.returncode == 0, done.stderr
    yield VM
    lab.remove_guest(VM)


@pytest.fixture
def away(guest: str, lab: RunningLab) -> str:
    """A host that the guest is not on."""
    (home,) = lab.whereabouts(guest)
    return next(host for host in lab.hosts if host != home)


def moved(
    daemon: DaemonRun, vm: str, away: str, wanted: str, more: str = "", method: Method = Method.AUTO
) -> MigrationRecord:
    """One move by commit with this encryption, to its end; its record."""
    daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', f'method = "{method}"\nencryption = "{wanted}"')
    daemon.specs.append(f"vms/{vm}.toml", more)
    daemon.specs.move(vm, away)
    assert daemon.once() == 0, daemon.log_text()
    (record,) = daemon.records(vm)
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    return record


def check_all_was_heard(heard: Heard, record: MigrationRecord) -> None:
    """The tap missed nothing to speak of. Of the disk the hypervisor counts also the holes, which nobody sends."""
    assert heard.migration_bytes > 0.95 * record.transfer.memory_bytes + 4 * MIB


def test_without_encryption_the_guests_data_can_be_read(
    guest: str, away: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    with tapped(lab, away) as end:
        record = moved(daemon_for(guest), guest, away, "off")
        heard = end()
    check_all_was_heard(heard, record)
    # Once on the disk, once in memory.
    assert heard.markers > 1.5 * 4 * MIB / len(MARKER + "\n")
    assert (record.encrypted, record.plain_because) == (False, 'its spec says encryption = "off"')


def test_under_tls_nothing_of_it_can(
    guest: str, away: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    """Over several connections."""
    before = lab.counter(guest)
    with tapped(lab, away) as end:
        record = moved(daemon_for(guest), guest, away, "require", "\n[live]\nconnections = 2\n")
        heard = end()
    check_all_was_heard(heard, record)
    assert heard.markers == 0
    assert (record.encrypted, record.plain_because, record.warnings) == (True, "", ())
    assert lab.wait_until_ready(guest) >= before


@pytest.mark.parametrize(
    ("wanted", "presync", "way"),
    [
        ("off", True, ImageCopy.MIRROR),
        ("require", True, ImageCopy.MIRROR),
        ("require", False, ImageCopy.NBD),
    ],
)
def test_a_cold_moves_disks_are_read_by_nobody_either(
    wanted: str,
    way: ImageCopy,
    guest: str,
    away: str,
    lab: RunningLab,
    daemon_for: Callable[..., DaemonRun],
    *,
    presync: bool,
) -> None:
    before = lab.counter(guest)
    with tapped(lab, away) as end:
        more = f"\n[cold]\npresync = {str(presync).lower()}\ncompare = true\n"
        record = moved(daemon_for(guest), guest, away, wanted, more, Method.COLD)
        heard = end()
    assert record.image_copy is way
    assert record.encrypted == (wanted == "require")
    # All of it arrived, in plain text or not.
    assert heard.migration_bytes > 4 * MIB
    if wanted == "require":
        assert heard.markers == 0
    else:
        assert heard.markers > 0.95 * 4 * MIB / len(MARKER + "\n")
    assert lab.wait_until_ready(guest) >= before


@pytest.fixture
def spoilt(away: str, lab: RunningLab) -> Iterator[Callable[[str], Path]]:
    """Spoil the certificates of the host that the guest is to move to; they are in order again afterwards."""
    host = lab.ledger.layout.host(away)
    ours = authority_of(lab.ledger.layout)

    def spoil(how: str) -> Path:
        if how == "expired":
            ours.install(host, Validity.past())
        elif how == "stranger":
            Authority.create("somebody else").install(host)
        else:
            shutil.rmtree(folder_of(host))
        return folder_of(host)

    yield spoil
    ours.install(host)


def planned(daemon: DaemonRun, vm: str, away: str, wanted: str) -> subprocess.CompletedProcess[str]:
    """What `ferryman plan` says of a move with this encryption."""
    daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', f'method = "auto"\nencryption = "{wanted}"')
    daemon.specs.move(vm, away)
    return daemon.ferryman("plan", "--specs", str(daemon.specs.folder))


def test_a_certificate_that_expired_is_refused_and_never_answered_by_plain_text(
    guest: str,
    away: str,
    lab: RunningLab,
    daemon_for: Callable[..., DaemonRun],
    spoilt: Callable[[str], Path],
) -> None:
    (home,) = lab.whereabouts(guest)
    spoilt("expired")
    daemon = daemon_for(guest)
    daemon.specs.replace(f"vms/{guest}.toml", 'method = "auto"', 'method = "auto"\nencryption = "prefer"')
    daemon.specs.move(guest, away)
    assert daemon.once() != 0
    state = daemon.vm(guest)
    assert state is not None
    (stalled,) = (one for one in state.conditions if one.type is ConditionType.STALLED)
    assert "expired on" in stalled.message
    assert "docs/tls.md" in stalled.remedy
    assert lab.whereabouts(guest) == {home: "running"}
    assert daemon.records() == []


def test_a_strangers_certificate_is_refused(
    guest: str, away: str, daemon_for: Callable[..., DaemonRun], spoilt: Callable[[str], Path]
) -> None:
    folder = spoilt("stranger")
    said = planned(daemon_for(guest), guest, away, "prefer")
    assert said.returncode == 1
    assert "does not trust" in said.stdout
    assert "Add that authority's certificate" in said.stdout
    assert folder.is_dir()


@pytest.mark.parametrize(("wanted", "code"), [("require", 1), ("prefer", 0)])
def test_a_host_without_certificates_is_refused_where_tls_is_required_and_told_where_preferred(
    wanted: str,
    code: int,
    guest: str,
    away: str,
    daemon_for: Callable[..., DaemonRun],
    spoilt: Callable[[str], Path],
) -> None:
    spoilt("gone")
    said = planned(daemon_for(guest), guest, away, wanted)
    assert said.returncode == code, said.stdout
    assert f"{away} has no certificates for TLS" in said.stdout
    assert ("encrypted: no" in said.stdout) == (wanted == "prefer")
