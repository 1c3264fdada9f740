"""A guest, its daemon, and what must hold whatever happens to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from copies import Copies, watched
from daemon_run import DaemonRun
from running import RunningLab
from trial import Trial


@pytest.fixture
def trial(
    lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> Iterator[Callable[..., Trial]]:
    """Makes a trial with the first guest; whatever happens in it, the guest never runs twice and loses nothing."""
    vm = three[0]
    made: list[Trial] = []

    def make(method: str = "live") -> Trial:
        daemon = daemon_for(vm)
        trial = Trial.of(lab, daemon, vm, method)
        made.append(trial)
        return trial

    with watched(vm, lab) as copies:
        yield make
    _tell(copies, made)
    for one in made:
        one.mend()


@pytest.fixture(scope="session")
def solo(lab: RunningLab) -> Iterator[str]:
    """A guest that has its hosts to itself, unless other tests' guests are there, too."""
    lab.add_guest("solo", lab.hosts[0])
    yield "solo"
    lab.remove_guest("solo")


def _tell(copies: Copies, trials: list[Trial]) -> None:
    for one in trials:
        print(f"{one.vm}: {copies.samples} samples, at most {copies.most_qemus} QEMUs, never two running")  # noqa: T201 - for whoever runs it with -s
