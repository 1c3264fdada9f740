"""A truncated journal entry still says whose attempt it was."""

from __future__ import annotations

import pytest
from record_samples import entry

from ferryman.records.journal.salvage import salvaged
from ferryman.records.toml_files import to_toml

WHOLE = to_toml(entry())


def test_a_whole_one_is_read_whole() -> None:
    assert salvaged(WHOLE) == entry()


def test_wherever_it_was_cut_it_is_the_attempt_or_nothing() -> None:
    found = [salvaged(WHOLE[:length]) for length in range(0, len(WHOLE), 7)]
    assert {one.id for one in found if one} == {entry().id}
    assert found[0] is None
    assert sum(one is not None for one in found) > len(found) / 3


@pytest.mark.parametrize("content", [b"", b"id = ", b"\x00" * 4096, b"[" * 5000, b"a" * 100_000])
def test_what_names_no_attempt_is_none(content: bytes) -> None:
    assert salvaged(content) is None
