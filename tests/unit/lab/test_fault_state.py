"""Faults of a daemon's own folders, and their end."""

from __future__ import annotations

from pathlib import Path

from ferryman.lab import fault_state
from ferryman.lab.layout import plan_layout
from ferryman.lab.ledger import Ledger


def test_a_broken_repository_comes_back_whatever_was_begun_in_its_place(tmp_path: Path) -> None:
    lab = Ledger(layout=plan_layout(tmp_path / "lab", ("tallinn", "skopje"), "10.77.0.0/24"))
    state = tmp_path / "state"
    (state / ".git").mkdir(parents=True)
    (state / ".git" / "HEAD").write_text("the old one")
    fault_state.break_repository(lab, state)
    (state / ".git").mkdir()
    (state / ".git" / "HEAD").write_text("begun by a daemon")
    assert fault_state.clear(lab) == [f"{state}: repository no more"]
    assert (state / ".git" / "HEAD").read_text() == "the old one"
    assert [path.name for path in state.iterdir()] == [".git"]
