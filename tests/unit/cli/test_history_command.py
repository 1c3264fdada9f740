"""`ferryman history`: the audit trail, asked for by VM, host and time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from written_state import ferryman, record, written

from ferryman.downtime.attribution import Attribution
from ferryman.records.audit.timeline import Mark, TimelineEntry


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Three moves: at noon, one and two hours later."""
    return written(tmp_path, record(), record("guest-02", hours=1), record("guest-01", hours=2, destination="oslo"))


def told(trail: Path, *options: str) -> list[tuple[str, str]]:
    """VM and destination of every record told, newest first."""
    done = ferryman("history", "--state", trail, "--json", *options)
    assert done.exit_code == 0
    return [(one["vm"], one["destination"]) for one in json.loads(done.output)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [("guest-01", "oslo"), ("guest-02", "skopje"), ("guest-01", "skopje")]),
        (("--vm", "guest-02"), [("guest-02", "skopje")]),
        (("--host", "oslo"), [("guest-01", "oslo")]),
        (("--since", "2026-11-23T13:00:00"), [("guest-01", "oslo"), ("guest-02", "skopje")]),
        (("--limit", "1"), [("guest-01", "oslo")]),
        (("--vm", "guest-09"), []),
        (("--vm", "guest-09", "--vm", "guest-02"), [("guest-02", "skopje")]),
        (("--until", "2026-11-23T14:00+01:00", "--method", "live"), [("guest-01", "skopje")]),
        (("--method", "cold"), []),
        (("--verdict", "missed", "--verdict", "unknown"), []),
        (("--verdict", "met", "--outcome", "succeeded", "--since", "2026-11-23T14:00"), [("guest-01", "oslo")]),
    ],
)
def test_filters(trail: Path, options: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert told(trail, *options) == expected


def test_the_table_tells_when_what_why_and_how_long(trail: Path) -> None:
    done = ferryman("history", "--state", trail, "--vm", "guest-02")
    for said in ("2026-11-23 13:00:00", "guest-02", "tallinn -> skopje", "live", "succeeded", "1.8 s", "down 94 ms"):
        assert said in done.output
    assert "promise 500 ms: met" in done.output
    assert "3f2a0c1d3f Move it" in done.output


def test_an_empty_trail(tmp_path: Path) -> None:
    done = ferryman("history", "--state", tmp_path)
    assert (done.exit_code, done.output) == (0, "No moves are recorded.\n")


def test_a_damaged_record_is_named_and_the_others_are_told(trail: Path) -> None:
    damaged = trail / "migrations" / "2026" / "11" / f"{record('guest-02', hours=1).id}.toml"
    damaged.write_text("vm = ")
    done = ferryman("history", "--state", trail, "--json")
    assert [one["vm"] for one in json.loads(done.stdout)] == ["guest-01", "guest-01"]
    assert damaged.name in done.stderr
    assert "remedy: " in done.stderr


def test_one_record_tells_whose_time_the_downtime_was_and_what_happened_when(tmp_path: Path) -> None:
    one = replace(
        record(),
        attribution=Attribution(guest_ms=37.44, network_ms=12.33, service_ms=10.33),
        announcements=2,
        timeline=(
            TimelineEntry(at_ms=3.25, mark=Mark.PHASE, detail="migrating"),
            TimelineEntry(at_ms=1403.7, mark=Mark.SUSPENDED, host="tallinn", detail="migrated"),
            TimelineEntry(at_ms=1404.1, mark=Mark.FIRST_LOST),
        ),
    )
    done = ferryman("history", one.id, "--state", written(tmp_path, one))
    assert done.exit_code == 0
    for line in (
        "  downtime  down 94 ms (90-100)",
        "            = guest paused 37.4 + network 12.4 + service 10.3 ms",
        "  announced 2 times, as it did not answer at skopje",
        "           3.2  -- migrating",
        "       1,403.7  tallinn: the guest stands still (migrated)",
        "       1,404.1  probe: the first one lost",
    ):
        assert line in done.output.splitlines()
    as_json = ferryman("history", one.id, "--state", tmp_path, "--json")
    assert json.loads(as_json.output)["timeline"][1]["mark"] == "suspended"


@pytest.mark.parametrize("absent", ["20261123T120000Z-guest-09-3f2a", "../../vms/guest-01", ""])
def test_a_record_that_is_not_there(trail: Path, absent: str) -> None:
    done = ferryman("history", absent, "--state", trail)
    assert done.exit_code == 1
    assert "remedy: ferryman history --json" in done.output


def test_one_damaged_record(trail: Path) -> None:
    one = record()
    (trail / "migrations" / "2026" / "11" / f"{one.id}.toml").write_text("vm = ")
    done = ferryman("history", one.id, "--state", trail)
    assert (done.exit_code, "remedy: " in done.output) == (1, True)
