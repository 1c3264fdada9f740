"""A move's probes beside its record."""

from __future__ import annotations

from pathlib import Path

import pytest

from ferryman.downtime.values import ProbeFate, Sample
from ferryman.records.audit import samples
from ferryman.records.audit.samples import MOST_MOVES, MOST_SAMPLES, KeptSample, ProbedMove, read_samples, write_samples

ID = "20261123T120000Z-guest-01-3f2a"
MS = 1_000_000


def probed(*probes: Sample, record_id: str = ID) -> ProbedMove:
    return ProbedMove(id=record_id, started_ns=1000 * MS, samples=probes, in_time_ms=20.0)


def answered(at_ms: float) -> Sample:
    return Sample(sent_ns=round(at_ms * MS), outcome=ProbeFate.ANSWERED, round_trip_ns=1_234_567)


def test_what_was_kept_is_read_again_from_the_attempts_start_on(tmp_path: Path) -> None:
    lost = Sample(sent_ns=1010 * MS, outcome=ProbeFate.LOST, round_trip_ns=-1)
    assert write_samples(tmp_path, probed(answered(990.5), lost))
    assert read_samples(tmp_path, ID) == (
        KeptSample(sent_ms=-9.5, outcome=ProbeFate.ANSWERED, round_trip_ms=1.23),
        KeptSample(sent_ms=10.0, outcome=ProbeFate.LOST, round_trip_ms=None),
    )


def test_a_move_without_probes_leaves_no_file(tmp_path: Path) -> None:
    assert not write_samples(tmp_path, probed())
    assert read_samples(tmp_path, ID) == ()


def test_a_file_is_bounded(tmp_path: Path) -> None:
    assert write_samples(tmp_path, probed(*(answered(at) for at in range(MOST_SAMPLES * 5))))
    assert len(read_samples(tmp_path, ID)) == MOST_SAMPLES
    assert (tmp_path / samples.FOLDER / f"{ID}.csv").stat().st_size < 40_000


def test_only_those_of_the_newest_moves_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / samples.FOLDER
    folder.mkdir()
    for number in range(MOST_MOVES):
        (folder / f"20250101T{number:06}Z-guest-01-0000.csv").touch()
    assert write_samples(tmp_path, probed(answered(1000)))
    assert len(list(folder.iterdir())) == MOST_MOVES
    assert not (folder / "20250101T000000Z-guest-01-0000.csv").exists()
    assert len(read_samples(tmp_path, ID)) == 1


@pytest.mark.parametrize(
    "content",
    [b"\xff", b"sent_ms\n1\n", b"sent_ms,outcome,round_trip_ms\n1,exploded,\n", b"sent_ms,outcome,round_trip_ms\n1\n"],
)
def test_a_damaged_file_is_taken_for_absent(tmp_path: Path, content: bytes) -> None:
    write_samples(tmp_path, probed(answered(1000)))
    (tmp_path / samples.FOLDER / f"{ID}.csv").write_bytes(content)
    assert read_samples(tmp_path, ID) == ()


def test_a_folder_that_takes_no_files_is_told(tmp_path: Path) -> None:
    (tmp_path / samples.FOLDER).write_text("in the way")
    assert not write_samples(tmp_path, probed(answered(1000)))
