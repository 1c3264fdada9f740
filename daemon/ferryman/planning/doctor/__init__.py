"""A whole fleet's hosts, judged before the first move: pure."""

from __future__ import annotations

from collections.abc import Mapping

from ferryman.fleet.survey import Examined, HostSurvey, Trouble
from ferryman.planning.doctor.alone import host_checks
from ferryman.planning.doctor.among import (
    clock_checks,
    cpu_checks,
    machine_checks,
    version_checks,
    way_checks,
)
from ferryman.planning.doctor.checks import Check, Status, Subject
from ferryman.planning.doctor.joined import attachment_checks
from ferryman.planning.doctor.pools import pool_checks

__all__ = ["Check", "Status", "Subject", "checks", "is_sound"]


def checks(fleet: Mapping[str, Examined]) -> tuple[Check, ...]:
    """Everything that was checked, host by host, and by subject within a host."""
    specs = {name: one.spec for name, one in fleet.items()}
    facts = {name: one.facts for name, one in fleet.items() if not isinstance(one.facts, Trouble)}
    surveys: dict[str, HostSurvey] = {
        name: one.survey for name, one in fleet.items() if not isinstance(one.survey, Trouble)
    }
    everything = [check for one in fleet.values() for check in host_checks(one, specs)]
    for name, here in facts.items():
        everything += way_checks(here, [other for other in sorted(fleet) if other != name])
    everything += clock_checks(facts)
    everything += machine_checks(surveys)
    everything += attachment_checks(surveys, specs)
    everything += pool_checks(surveys, specs)
    everything += version_checks(surveys)
    everything += cpu_checks(surveys)
    order = list(Subject)
    return tuple(sorted(everything, key=lambda check: (check.host, order.index(check.subject))))


def is_sound(checked: tuple[Check, ...]) -> bool:
    """Nothing keeps VMs from moving."""
    return all(check.status is not Status.BLOCKER for check in checked)
