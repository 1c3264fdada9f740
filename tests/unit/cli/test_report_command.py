"""`ferryman report`: one file, of the moves that are asked for."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from written_state import ferryman, record, written


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Three moves: at noon, one and two hours later."""
    folder = tmp_path / "state"
    return written(folder, record(), record("guest-02", hours=1), record("guest-01", hours=2, destination="oslo"))


@pytest.mark.parametrize(
    ("options", "moves"),
    [
        ((), 3),
        (("--vm", "guest-02"), 1),
        (("--vm", "guest-01", "--vm", "guest-02"), 3),
        (("--since", "2026-11-23T13:00:00"), 2),
        (("--migration", record("guest-02", hours=1).id), 1),
        (("--host", "oslo"), 1),
        (("--verdict", "missed"), 0),
        (("--vm", "guest-09"), 0),
    ],
)
def test_it_writes_the_moves_that_are_asked_for(trail: Path, options: tuple[str, ...], moves: int) -> None:
    out = trail.parent / "report.html"
    done = ferryman("report", "--state", trail, "--out", out, *options)
    assert (done.exit_code, done.output) == (0, f"{out}: {moves} moves\n")
    assert out.read_text().startswith("<!doctype html>")


def test_a_page_says_what_was_asked_for(trail: Path) -> None:
    out = trail.parent / "report.html"
    ferryman("report", "--state", trail, "--out", out, "--vm", "guest-02", "--since", "2026-11-23T13:00:00")
    assert "of moves of guest-02 since 2026-11-23 13:00:00 UTC." in out.read_text()


def test_a_damaged_record_is_told_on_the_page(trail: Path) -> None:
    (trail / "migrations" / "2026" / "11" / f"{record().id}.toml").write_text("vm = ")
    out = trail.parent / "report.html"
    assert ferryman("report", "--state", trail, "--out", out).output.endswith("2 moves\n")
    assert "1 records could not be read" in out.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--state", "nowhere"), "no state folder"),
        (("--migration", "20200101T000000Z-guest-01-0000"), "no record is named"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_remedy(trail: Path, options: tuple[str, ...], said: str) -> None:
    done = ferryman("report", "--state", trail, *options)
    assert done.exit_code == 1
    assert said in done.output
    assert "remedy: " in done.output


def test_a_place_that_takes_no_file(trail: Path) -> None:
    (trail.parent / "file").touch()
    done = ferryman("report", "--state", trail, "--out", trail.parent / "file" / "report.html")
    assert done.exit_code == 1
    assert "remedy: Make room, or give" in done.output


def test_a_device_or_a_pipe_is_written_to_and_stays_what_it_is(trail: Path) -> None:
    pipe = trail.parent / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(pipe.read_text)
        done = ferryman("report", "--state", trail, "--out", pipe)
        assert reading.result(timeout=20).startswith("<!doctype html>")
    assert done.exit_code == 0
    assert pipe.is_fifo()


def test_a_link_stays_one_and_what_it_names_is_replaced(trail: Path) -> None:
    link, named = trail.parent / "latest.html", trail.parent / "report.html"
    named.write_text("the old one")
    link.symlink_to(named)
    assert ferryman("report", "--state", trail, "--out", link).exit_code == 0
    assert link.is_symlink()
    assert named.read_text().startswith("<!doctype html>")
