"""Whether each host has the storage pools that the others have, and whether they are active."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from ferryman.fleet.storage import Pool
from ferryman.fleet.survey import HostSurvey
from ferryman.planning.doctor.checks import Check, Subject, blocker, ok, warning
from ferryman.specs.host_spec import HostSpec

_IN_A_FOLDER = frozenset({"dir", "fs", "netfs"})
"""Pool kinds whose folder has to be there before they start."""
_DEFINED_BY_OPTIONS = frozenset({"dir", "fs", "netfs", "logical", "iscsi"})
"""Pool kinds that a command line describes in full; others need secrets, adapters or several hosts."""


def pool_checks(surveys: Mapping[str, HostSurvey], specs: Mapping[str, HostSpec]) -> list[Check]:
    """Pools that other hosts have: a warning, as not every pool holds disks."""
    checks = []
    for host, survey in surveys.items():
        mapped, has = specs[host].arrivals.pools, survey.detail.pools
        wanted = {
            mapped.get(pool.name, pool.name): (other, pool)
            for other, elsewhere in surveys.items()
            if other != host
            for pool in elsewhere.detail.pools.values()
        }
        missing = [_missing(host, name, *wanted[name]) for name in sorted(wanted.keys() - has.keys())]
        idle = [_idle(host, pool) for pool in has.values() if not pool.active]
        names = ", ".join(sorted(has)) or "none here, and none elsewhere"
        checks += [*missing, *idle] or [ok(host, Subject.POOLS, names)]
    return checks


def _missing(host: str, name: str, other: str, pool: Pool) -> Check:
    says = f"no storage pool {name}, which {other} has"
    define = _define(name, pool) if pool.kind in _DEFINED_BY_OPTIONS else _define_alike(name, other, pool)
    return warning(
        host, Subject.POOLS, says, f"{define} && {_start(name, pool)} (on {host}); or map it in a spec: pools"
    )


def _idle(host: str, pool: Pool) -> Check:
    says = f"the storage pool {pool.name} is not active"
    return blocker(host, Subject.POOLS, says, f"{_start(pool.name, pool)} (on {host})")


def _define(name: str, pool: Pool) -> str:
    source = pool.source
    options = {
        "--source-host": source.host,
        "--source-path": source.path,
        "--source-dev": "" if pool.kind == "logical" else source.device,
        "--source-name": source.name,
        "--source-format": "" if pool.kind == "logical" else source.format,
        "--target": pool.target_path,
    }
    told = [f"{option} {shlex.quote(value)}" for option, value in options.items() if value]
    return " ".join([f"virsh pool-define-as {name} {pool.kind}", *told])


def _define_alike(name: str, other: str, pool: Pool) -> str:
    return f"virsh pool-dumpxml {pool.name} >FILE (on {other}); there, named {name} in FILE: virsh pool-define FILE"


def _start(name: str, pool: Pool) -> str:
    """A pool starts in a folder that is there; `virsh pool-build` would change one that is there already."""
    folder = f"mkdir -p {shlex.quote(pool.target_path)} && " if pool.kind in _IN_A_FOLDER and pool.target_path else ""
    return f"{folder}virsh pool-start {name} && virsh pool-autostart {name}"
