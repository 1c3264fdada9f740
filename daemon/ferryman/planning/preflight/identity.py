"""Name and UUID at the destination."""

from __future__ import annotations

from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import ReadEnds, blocker


def identity_findings(ends: ReadEnds) -> list[Finding]:
    """Another VM that has the one or the other."""
    host = ends.destination.reading.host
    vm = ends.vm.domain
    found = [
        blocker(
            FindingCode.UUID_TAKEN,
            f"{host} has another VM, {other.name}, with the same UUID {vm.uuid}",
            "Give one of the two another UUID.",
        )
        for other in ends.destination.reading.domains.values()
        if other.uuid == vm.uuid and other.name != vm.name
    ]
    namesake = ends.destination.reading.domains.get(vm.name)
    if namesake is not None and namesake.uuid != vm.uuid:
        found.append(
            blocker(
                FindingCode.NAME_TAKEN,
                f"{host} has another VM of this name, with the UUID {namesake.uuid}",
                f"Rename that one while it is off: virsh domrename {vm.name} OTHER-NAME (on {host})",
            )
        )
    return found
