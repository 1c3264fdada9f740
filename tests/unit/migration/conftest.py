"""A stand with a VM for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stand import VM, Stand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """Two hosts; guest-01 runs on tallinn. Whatever a test does, no invariant may have been broken by its end."""
    stand = Stand(tmp_path)
    stand.source.add_vm(VM)
    yield stand
    assert stand.fleet.violations == []
