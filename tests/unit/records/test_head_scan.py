"""A head that is read by looking at lines is what parsing makes of the file, or is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from any_values import any_of
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError
from record_samples import NOON, record

from ferryman.records import toml_files
from ferryman.records.audit import trail
from ferryman.records.audit.as_json import HEAD
from ferryman.records.audit.head import RecordHead
from ferryman.records.audit.head_scan import head_json
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.errors import RecordError

TEXT = toml_files.to_toml(record(reason='He said "no" \\ and\n[measurement]\nleft')).decode()


def scanned(text: str) -> RecordHead | None:
    found = head_json(text)
    try:
        return HEAD.validate_json(found) if found else None
    except ValidationError:
        return None


def test_a_record_as_it_is_written_needs_no_parser() -> None:
    assert scanned(TEXT) == toml_files.from_toml(TEXT.encode(), RecordHead)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(any_of(MigrationRecord))
def test_of_any_record_it_is_the_parsers_head_or_none(move: MigrationRecord) -> None:
    content = toml_files.to_toml(move)
    assert scanned(content.decode()) in (None, toml_files.from_toml(content, RecordHead))


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('vm = "guest-01"', "vm = 'guest-01'"),
        ('vm = "guest-01"', 'vm = "guest-01" # a remark'),
        ('vm = "guest-01"', 'vm = """\nvm = "another"\n"""'),
        ('vm = "guest-01"', '"vm" = "guest-01"'),
        ('vm = "guest-01"', 'vm= "guest-01"'),
        ('verdict = "met"', 'verdict="missed"'),
        ('verdict = "met"', '"verdict" = "missed"'),
        ("[transfer]", "[ transfer ]"),
        ("[transfer]", "[transfer] # a remark"),
        ("[transfer]", '["transfer"]'),
        ("[transfer]", "[transfer]\nmemory_bytes = 1_000"),
    ],
)
def test_what_is_written_otherwise_is_left_to_the_parser(written: str, instead: str) -> None:
    assert written in TEXT
    assert scanned(TEXT.replace(written, instead)) is None


def test_a_file_that_is_written_otherwise_is_listed_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "migrations" / f"{NOON:%Y}" / f"{NOON:%m}"
    folder.mkdir(parents=True)
    (folder / "20261123T120000Z-guest-01-3f2a.toml").write_text(TEXT.replace('verdict = "met"', "verdict = 'missed'"))
    (folder / "20261123T110000Z-guest-01-3f2b.toml").write_text(TEXT.replace("total_ms", "no_ms"))
    damaged: list[RecordError] = []
    assert [head.verdict for head in trail.heads(tmp_path, on_damaged=damaged.append)] == ["missed"]
    assert [error.path.name for error in damaged] == ["20261123T110000Z-guest-01-3f2b.toml"]
    assert "total_ms" in damaged[0].reason
