"""`ferryman recover`: how an interrupted or held move stands, and having it done."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from written_state import NOON, ferryman, record, specs

from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.fleet.values import Power
from ferryman.records import requests
from ferryman.records.audit import whole as audit
from ferryman.records.audit.record import Outcome, VolumeAt
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.records.journal.journal import Journal
from ferryman.records.store import StateStore
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import HostSpec

VM = "guest-01"


@pytest.fixture
def fleet() -> FakeFleet:
    """guest-01 runs on tallinn; an interrupted move has left a volume on skopje."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    fleet.hosts["tallinn"].add_vm(VM)
    fleet.hosts["skopje"].pools["vms"].volumes[f"{VM}.img"] = FakeVolume(content=(64 * 1024**2,))
    return fleet


@pytest.fixture
def state(fleet: FakeFleet, tmp_path: Path) -> Path:
    state = tmp_path / "state"
    with StateStore.open(state) as store:
        Journal(store.folder).write(entry(fleet))
    return state


def entry(fleet: FakeFleet) -> JournalEntry:
    made = record(VM)
    return JournalEntry(
        id=made.id,
        vm=VM,
        uuid=fleet.hosts["tallinn"].domains.known[VM].uuid,
        source="tallinn",
        destination="skopje",
        method=Method.LIVE,
        running=True,
        step=Step.TRANSFERRING,
        why=made.why,
        cause=made.cause,
        attempt=1,
        started_at=NOON,
        created=(VolumeAt(host="skopje", pool="vms", name=f"{VM}.img"),),
    )


def recover(fleet: FakeFleet, state: Path, *options: str) -> Result:
    wanted = specs(state.parent / "specs", guest_01='host = "tallinn"\n')
    return ferryman("recover", "--specs", wanted, "--state", state, *options, connect=fleet.connect)


def test_it_shows_the_step_both_ends_the_cell_and_what_it_means(fleet: FakeFleet, state: Path) -> None:
    done = recover(fleet, state, VM)
    assert done.exit_code == 1
    assert "guest-01: open; move tallinn -> skopje (live), attempt 1" in done.output
    assert "step transferring, begun 2026-11-23 12:00:00 UTC" in done.output
    assert "on tallinn  running" in done.output
    assert "on skopje   absent" in done.output
    assert "both ends  live / transferring / running x absent; no job" in done.output
    assert "next step  undo" in done.output
    assert f"vms/{VM}.img" in done.output
    assert f"remedy     To have it done: ferryman recover {VM} --accept" in done.output
    assert fleet.hosts["skopje"].pools["vms"].volumes


def test_for_programs(fleet: FakeFleet, state: Path) -> None:
    said = json.loads(recover(fleet, state, VM, "--json").output)
    assert (said["attempt"], said["can_be_accepted"]) == ("open", True)
    assert said["situation"]["seen"] == {
        "source": "running",
        "destination": "absent",
        "job": False,
        "source_off": "unknown",
        "destination_off": "unknown",
        "swapped": [],
        "elsewhere": [],
        "unread": [],
        "claimed_by": "",
    }
    assert said["situation"]["ruling"] == {"action": "undo"}
    assert said["places"] == {"skopje": "absent", "tallinn": "running"}


def test_without_a_daemon_it_does_what_the_daemon_would(fleet: FakeFleet, state: Path) -> None:
    done = recover(fleet, state, VM, "--accept")
    assert done.exit_code == 0, done.output
    assert "granted: the move is taken up" in done.output
    assert "failed (tallinn -> skopje)" in done.output
    assert fleet.hosts["skopje"].pools["vms"].volumes == {}
    assert [one.outcome for one in audit.records(state)] == [Outcome.FAILED]
    assert recover(fleet, state, VM).exit_code == 0


def test_a_running_daemon_is_asked(fleet: FakeFleet, state: Path) -> None:
    """Here the daemon is a thread that answers what it finds asked."""
    asked = threading.Event()

    def answer() -> None:
        while not (found := requests.unanswered(state)):
            pass
        requests.write(state, requests.answered(found[0], granted=False, answer="not now"))
        asked.set()

    with StateStore.open(state):
        daemon = threading.Thread(target=answer, daemon=True)
        daemon.start()
        done = recover(fleet, state, VM, "--forget")
        daemon.join(20)
    assert asked.is_set()
    assert (done.exit_code, "REFUSED: not now" in done.output) == (1, True)
    assert requests.read(state, VM) is None


def test_what_a_person_must_decide_is_not_accepted_unseen(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["skopje"].add_vm(VM)
    done = recover(fleet, state, VM, "--accept")
    assert done.exit_code == 1
    assert "next step  hold (runs-twice)" in done.output
    assert "remedy: At once decide which copy is the right one" in done.output
    assert list(audit.records(state)) == []


def test_a_silent_host_leaves_nothing_to_accept(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["skopje"].faults.unreachable = True
    done = recover(fleet, state, VM, "--accept")
    assert done.exit_code == 1
    assert "on skopje   unreachable: " in done.output
    assert "remedy: Bring the host back" in done.output


def test_a_damaged_entry_is_set_aside(fleet: FakeFleet, state: Path) -> None:
    (state / "journal" / f"{VM}.toml").write_text("id = ")
    shown = recover(fleet, state, VM)
    assert "guest-01: damaged" in shown.output
    assert "it is on one host, and whole" in shown.output
    done = recover(fleet, state, VM, "--accept")
    assert done.exit_code == 0, done.output
    assert [path.read_text() for path in (state / "journal" / "damaged").iterdir()] == ["id = "]


def test_a_held_one_that_was_decided_is_finished(fleet: FakeFleet, state: Path) -> None:
    """The memory was lost in post-copy, and a person booted the VM from its disks at the destination."""
    Journal(state).write(replace(entry(fleet), step=Step.SWITCHING, method=Method.POST_COPY))
    fleet.hosts["tallinn"].domains.known[VM].power = Power.SHUT_OFF
    assert "hold (memory-lost)" in recover(fleet, state, VM).output
    del fleet.hosts["tallinn"].domains.known[VM]
    fleet.hosts["skopje"].add_vm(VM)
    assert recover(fleet, state, VM, "--accept").exit_code == 0
    assert [one.outcome for one in audit.records(state)] == [Outcome.SUCCEEDED]


def test_the_list_names_what_is_left(fleet: FakeFleet, state: Path) -> None:
    done = recover(fleet, state)
    assert (done.exit_code, done.output) == (1, f"{VM}: open; how it stands: ferryman recover {VM}\n")
    recover(fleet, state, VM, "--forget")
    assert recover(fleet, state).output == "every move has come to its end\n"


@pytest.mark.parametrize("options", [("--accept",), (VM, "--accept", "--forget")])
def test_what_cannot_be_meant_is_refused(fleet: FakeFleet, state: Path, options: tuple[str, ...]) -> None:
    assert recover(fleet, state, *options).exit_code == 2
