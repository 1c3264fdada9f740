"""What the benches share: a lab of two hosts for their time, and a prober that knows nothing of ferryman's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon_run import DaemonRun, SpecsRepository
from running import RunningLab

from ferryman.lab import lab as labs
from ferryman.lab.layout import plan_layout
from ferryman.lab.options import DEFAULT_CACHE

HOSTS = ("oslo", "bergen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A lab, and a folder for what the daemons of a bench write."""

    lab: RunningLab
    folder: Path

    def daemon(self, name: str, vm: str) -> DaemonRun:
        """A daemon for one VM, with a specs repository of its own."""
        specs = SpecsRepository.of_lab(self.lab, self.folder / name / "specs", vm)
        state, log = self.folder / name / "state", self.folder / name / "log"
        return DaemonRun(lab=self.lab, specs=specs, state=state, log=log)


@contextmanager
def bench_lab(subnet: str, *, storage: bool = False) -> Iterator[Bench]:
    """Up, and down again whatever happens."""
    with tempfile.TemporaryDirectory(prefix="ferryman-bench-") as name:
        folder = Path(name)
        layout = plan_layout(folder / "lab", HOSTS, subnet)
        # As a bare `virsh migrate` does it: not encrypted.
        ledger = labs.up(layout, DEFAULT_CACHE, print, storage=storage, no_tls=HOSTS)
        try:
            yield Bench(lab=RunningLab(ledger=ledger), folder=folder)
        finally:
            labs.down(folder / "lab", print)
