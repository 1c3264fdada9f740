"""Certificates of fake hosts: in good order, and signed by the one authority of all fake fleets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ferryman.fleet.certificates import Certificate, Certificates
from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import refused
from ferryman.specs.host_spec import HostSpec

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


def shake_hands(client: Certificates | None, server: Certificates | None, expected: str) -> None:
    """Both ends show certificates, the server one for the name that is expected. Raises OperationFailedError."""
    if client is None or server is None or client.client is None or server.server is None:
        raise refused(FailureKind.OTHER, "Unable to access credentials: No such file or directory")
    if expected not in server.server.names:
        raise refused(FailureKind.OTHER, "Certificate does not match the hostname")
