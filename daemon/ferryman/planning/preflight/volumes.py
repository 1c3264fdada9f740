"""The destination's volumes that copied disks would take: whether a VM there uses one, or two disks aim at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from ferryman.fleet.usage import users
from ferryman.fleet.values import HostDetail
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.preflight.ends import ReadEnds, blocker


def volume_findings(ends: ReadEnds, plans: Sequence[DiskPlan]) -> list[Finding]:
    """What would destroy another disk's content."""
    return [*_in_use(ends.destination, plans), *_twice(ends.destination, plans)]


def _in_use(destination: HostDetail, plans: Sequence[DiskPlan]) -> Iterator[Finding]:
    for plan in plans:
        standing = destination.volumes.get(plan.destination)
        if plan.transfer is not DiskTransfer.COPY or standing is None:
            continue
        by = users(standing, destination.disk_paths)
        if by:
            yield _used(plan, destination.reading.host, by)


def _used(plan: DiskPlan, host: str, by: Sequence[str]) -> Finding:
    name = f"{plan.destination.pool}/{plan.destination.name}"
    loss = "its spec says overwrite" if plan.overwrites else "its copy would take the place of"
    other_place = (
        "correct [storage] overwrite in its spec"
        if plan.overwrites
        else f'map another pool in its spec: [storage] pools = {{ {plan.source.ref.pool} = "POOL" }}'
    )
    return blocker(
        FindingCode.VOLUME_IN_USE,
        f"{plan.target}: {loss} {name}, which is a disk of {', '.join(by)} on {host}",
        f"See it there: virsh domblklist {by[0]} (on {host}). Give {by[0]} another disk, or {other_place}.",
    )


def _twice(destination: HostDetail, plans: Sequence[DiskPlan]) -> Iterator[Finding]:
    for one, other in combinations(plans, 2):
        copied = DiskTransfer.COPY in (one.transfer, other.transfer)
        if copied and _place(destination, one) == _place(destination, other):
            yield blocker(
                FindingCode.VOLUME_TWICE,
                f"{one.target} and {other.target} would be one volume on {destination.reading.host}: "
                f"{other.destination.pool}/{other.destination.name}",
                "Give each a volume of its own: map their pools to different ones ([storage] pools), name different "
                "volumes ([storage] overwrite), or keep their formats ([storage] format).",
            )


def _place(destination: HostDetail, plan: DiskPlan) -> str:
    """Two pools may lie over one folder, so a path says more than a pool and a name."""
    standing, pool = destination.volumes.get(plan.destination), destination.pools.get(plan.destination.pool)
    if standing is not None:
        return standing.path
    return f"{pool.target_path or pool.name if pool else plan.destination.pool}/{plan.destination.name}"
