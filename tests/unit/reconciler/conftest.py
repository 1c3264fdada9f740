"""A house for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Three hosts without VMs. Whatever a test does, no invariant may have been broken by its end."""
    house = House(tmp_path, tmp_path / "specs")
    yield house
    house.close()
    assert house.fleet.violations == []
