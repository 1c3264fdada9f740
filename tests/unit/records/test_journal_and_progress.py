"""What is under way: the journal for a restart, the progress for the eyes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from record_samples import NOON, entry

from ferryman.records.journal.entry import Step
from ferryman.records.journal.journal import Journal
from ferryman.records.progress_files import Progress, clear_progress, read_progress, write_progress
from ferryman.specs.choices import Method

PROGRESS = Progress(
    vm="guest-01",
    id="20261123T120000Z-guest-01-3f2a",
    source="tallinn",
    destination="skopje",
    method=Method.LIVE,
    phase="transferring",
    started_at=NOON,
    memory_total_bytes=1 << 27,
    memory_processed_bytes=1 << 20,
    probe="answers in 1.2 ms",
    updated_at=NOON + timedelta(seconds=1),
)


def test_a_restart_finds_the_newest_step_of_each_attempt(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(entry("guest-02"))
    journal.write(entry("guest-01"))
    journal.write(entry("guest-01", step=Step.TRANSFERRING))

    assert Journal(tmp_path).entries() == (entry("guest-01", step=Step.TRANSFERRING), entry("guest-02"))


def test_a_closed_attempt_is_gone_and_closing_again_is_no_trouble(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(entry())
    journal.close("guest-01")
    journal.close("guest-01")

    assert journal.entries() == ()


def test_a_journal_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert Journal(tmp_path / "nowhere").entries() == ()


def test_a_damaged_entry_names_its_vm_and_the_others_are_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(entry("guest-01"))
    journal.write(entry("guest-02"))
    (tmp_path / "journal" / "guest-02.toml").write_bytes(b"")

    assert journal.entries() == (entry("guest-01"),)
    assert [error.path.stem for error in journal.damaged()] == ["guest-02"]


def test_progress_shows_the_latest_until_it_is_cleared(tmp_path: Path) -> None:
    later = replace(PROGRESS, memory_processed_bytes=1 << 26, bandwidth_mib_s=112.5, iteration=2)
    assert write_progress(tmp_path, PROGRESS)
    assert write_progress(tmp_path, later)

    assert read_progress(tmp_path) == (later,)
    assert clear_progress(tmp_path, "guest-01")
    assert not clear_progress(tmp_path, "guest-01")
    assert read_progress(tmp_path) == ()


def test_unreadable_progress_is_passed_over(tmp_path: Path) -> None:
    write_progress(tmp_path, PROGRESS)
    (tmp_path / "live" / "guest-02.json").write_text("{")

    assert read_progress(tmp_path) == (PROGRESS,)


def test_a_folder_that_takes_no_progress_disturbs_nothing(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("in the way")

    assert not write_progress(tmp_path, PROGRESS)
    assert read_progress(tmp_path) == ()
    assert not clear_progress(tmp_path, "guest-01")
