"""A host's facts, by one command over the SSH session that it is reached by."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ferryman.fleet import facts_script
from ferryman.fleet.errors import FleetError
from ferryman.fleet.host_facts import HostFacts, Peer, nothing_known
from ferryman.fleet.libvirt_adapter.reading import read_pools
from ferryman.fleet.libvirt_adapter.session import LibvirtSession

_SILENT_S = 30.0
"""Longer than any one try of the command takes."""


def find_facts(session: LibvirtSession, peers: Sequence[Peer]) -> HostFacts:
    """Nothing is known of a host without SSH. Raises HostUnreachableError where SSH fails."""
    folders = _folders(session)
    with session.ssh() as ssh:
        if ssh is None:
            return nothing_known(session.host)
        before_ns = time.time_ns()
        argv = facts_script.command(folders, peers)
        output = ssh.run(argv, silent_s=_SILENT_S, most_bytes=facts_script.OUTPUT_LIMIT_BYTES)
        asked_ns = (before_ns, time.time_ns())
    return facts_script.parse(session.host, output, folders, peers, asked_ns)


def _folders(session: LibvirtSession) -> tuple[str, ...]:
    """The pools' folders; none where libvirt does not answer, which is told elsewhere."""
    try:
        with session.connection("reading the host's pools") as connection:
            pools = read_pools(connection).values()
    except FleetError:
        return ()
    return tuple(sorted({pool.target_path for pool in pools if pool.active and pool.target_path.startswith("/")}))
