"""What audit records teach of moves to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from record_samples import MEASURED, NOON, UNMEASURED, record

from ferryman.fleet.values import DirtyRate
from ferryman.records import toml_files
from ferryman.records.audit.past import history_of, link_bytes_s
from ferryman.records.audit.record import MigrationRecord, Outcome, Transfer
from ferryman.records.rates import SeenRate, clear_rates, read_rates, write_rate
from ferryman.specs.choices import Method

MIB = 1024 * 1024
WAY = ("tallinn", "skopje")


@pytest.mark.parametrize(
    ("transfer", "mib_s"),
    [
        (Transfer(memory_bytes=40 * MIB, memory_bytes_s=7 * MIB, total_ms=2000), 7),
        (Transfer(memory_bytes=40 * MIB, disk_bytes=60 * MIB, total_ms=2000), 50),
        (Transfer(memory_bytes=MIB, memory_bytes_s=MIB, total_ms=2000), None),
        (Transfer(), None),
    ],
)
def test_a_links_speed_is_learned_from_what_was_sent(transfer: Transfer, mib_s: int | None) -> None:
    assert link_bytes_s(transfer) == (None if mib_s is None else mib_s * MIB)


def test_the_newest_move_comes_first_whatever_the_order() -> None:
    fast, slow = (
        replace(
            record(started_at=NOON + timedelta(hours=hour)),
            transfer=Transfer(memory_bytes=40 * MIB, memory_bytes_s=speed * MIB),
        )
        for hour, speed in ((0, 100), (1, 5))
    )
    assert history_of([fast, slow]).link_bytes_s(*WAY) == 5 * MIB


def test_only_measured_moves_that_succeeded_are_gone_by() -> None:
    history = history_of(
        [
            record(),
            record(outcome=Outcome.FAILED),
            record(measurement=UNMEASURED),
            replace(record(), recovered=True),
            record(method=Method.COLD),
        ]
    )
    (move,) = history.measured("guest-01", Method.LIVE, *WAY)
    assert (move.downtime_ms, move.least_ms, move.duration_s) == (94.0, 90.0, 1.8)


def test_a_live_move_that_became_post_copy_teaches_of_post_copy() -> None:
    history = history_of([replace(record(), post_copy=True)])
    assert history.measured("guest-01", Method.LIVE, *WAY) == ()
    assert len(history.measured("guest-01", Method.POST_COPY, *WAY)) == 1


def test_a_record_of_before_predictions_can_be_read() -> None:
    old = toml_files.to_toml(replace(record(), measurement=MEASURED))
    assert b"prediction_error" not in old
    read = toml_files.from_toml(old.replace(b"predictions = []\n", b""), MigrationRecord)
    assert (read.predictions, read.prediction_error_ms, read.dirty) == ((), None, None)


def test_dirty_rates_are_kept_until_the_next_daemon_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    rate = SeenRate(
        vm="guest-01", rate=DirtyRate(bytes_s=5 * MIB, watched_bytes=7 * MIB, watched_s=4), measured_at=NOON
    )
    assert read_rates(tmp_path) == {}
    assert write_rate(tmp_path, rate)
    (tmp_path / "live" / "dirty-rates" / "guest-02.json").write_text("{")
    assert read_rates(tmp_path) == {"guest-01": rate}
    clear_rates(tmp_path)
    assert read_rates(tmp_path) == {}
