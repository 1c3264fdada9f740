"""Certificates of fake hosts: in good order, and signed by the one authority of all fake fleets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ferryman.fleet.certificates import Certificate, Certificates
from ferryman.specs.models import HostSpec

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""When fake hosts are read."""
AUTHORITY = "fa" * 32


def certificates_for(spec: HostSpec) -> Certificates:
    """For the host's name and migration address, valid for a year."""
    own = Certificate(
        names=frozenset({spec.name, spec.effective_migration_address}),
        not_before=NOON - timedelta(days=1),
        not_after=NOON + timedelta(days=365),
        issuer=AUTHORITY,
    )
    return Certificates(
        folder="/etc/pki/qemu", server=own, client=own, trusted=frozenset({AUTHORITY}), faults=(), as_of=NOON
    )
