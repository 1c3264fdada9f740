"""Asking every host of a fleet at once, by SSH and by libvirt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from ferryman.fleet.errors import FleetError
from ferryman.fleet.fact_book import peers_of
from ferryman.fleet.hypervisor import Connect, Hypervisor
from ferryman.fleet.survey import Examined, Trouble
from ferryman.specs.host_spec import HostSpec

_AT_ONCE = 16


def examine_hosts(specs: Mapping[str, HostSpec], connect: Connect, tell: Callable[[str], None]) -> dict[str, Examined]:
    """Every host, by name. `tell` is called, from this thread, with each one's name when it has been asked."""
    found: dict[str, Examined] = {}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        asked = {pool.submit(_examine, name, specs, connect): name for name in specs}
        for one in as_completed(asked):
            found[asked[one]] = one.result()
            tell(asked[one])
    return {name: found[name] for name in sorted(found)}


def _examine(name: str, specs: Mapping[str, HostSpec], connect: Connect) -> Examined:
    try:
        host = connect(specs[name], lambda: None)
    except FleetError as error:
        trouble = _trouble(error)
        return Examined(spec=specs[name], facts=trouble, survey=trouble)
    try:
        return _ask(host, name, specs)
    finally:
        host.close()


def _ask(host: Hypervisor, name: str, specs: Mapping[str, HostSpec]) -> Examined:
    try:
        facts = host.facts(peers_of(name, specs))
    except FleetError as error:
        # Without SSH there is no libvirt by SSH either: the same trouble once, not twice.
        trouble = _trouble(error)
        return Examined(spec=specs[name], facts=trouble, survey=trouble)
    try:
        return Examined(spec=specs[name], facts=facts, survey=host.survey())
    except FleetError as error:
        return Examined(spec=specs[name], facts=facts, survey=_trouble(error))


def _trouble(error: FleetError) -> Trouble:
    return Trouble(reason=error.reason, remedy=error.remedy)
