"""Whether a move's memory and disks travel under TLS, and what stands against that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import assert_never

from ferryman.fleet.certificates import Certificate, Certificates
from ferryman.fleet.values import HostReading
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.specs.choices import Encryption
from ferryman.specs.fields import uri_host
from ferryman.specs.host_spec import HostSpec

_SOON = timedelta(days=14)
HOW_TO = "docs/tls.md says how to make them"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionChoice:
    """Encrypted or not; with blockers among its findings, neither."""

    encrypted: bool
    plain_because: str = ""
    """Why it is not encrypted; empty where it is."""
    tls_name: str = ""
    """Of an encrypted move: the name that the destination's certificate must bear; empty: its migration address."""
    findings: tuple[Finding, ...] = ()


def encryption(
    wanted: Encryption, source: HostReading, destination: HostReading, destination_spec: HostSpec
) -> EncryptionChoice:
    """Under `prefer` a host without certificates means plain text; certificates that are there and wrong never do."""
    ends = (source, destination)
    match wanted:
        case Encryption.OFF:
            return EncryptionChoice(encrypted=False, plain_because='its spec says encryption = "off"')
        case Encryption.PREFER:
            absent = [finding for end in ends for finding in certificates_absent(end, Severity.WARNING)]
            if absent:
                because = "; ".join(finding.reason for finding in absent)
                return EncryptionChoice(encrypted=False, plain_because=because, findings=tuple(absent))
        case Encryption.REQUIRE:
            absent = [finding for end in ends for finding in certificates_absent(end, Severity.BLOCKER)]
        case _:
            assert_never(wanted)
    names = expected_names(destination_spec)
    found = [finding for end in ends for finding in certificate_findings(end.host, end.certificates)]
    found += _distrust(source, destination) + _wrong_name(destination, names)
    return EncryptionChoice(
        encrypted=True, tls_name=_name_shown(destination.certificates, names), findings=(*absent, *found)
    )


def tls_for_disks(source: HostReading, destination: HostReading) -> bool:
    """Whether both hosts have certificates for a disk that is copied by itself, be they in order or not."""
    absent = any(certificates_absent(end, Severity.WARNING) for end in (source, destination))
    return not absent and not mirrors_lack(source)


def mirrors_lack(source: HostReading) -> str:
    """Why disks cannot be mirrored from there under TLS although it has certificates; empty: they can."""
    folder = "" if source.certificates is None else source.certificates.mirrors_lack
    return f"libvirt on {source.host} looks for disks' certificates in {folder}, where there are none" if folder else ""


def expected_names(spec: HostSpec) -> tuple[str, ...]:
    """The names by which a destination is expected, the best first: any of them in its certificate will do."""
    return tuple(dict.fromkeys((spec.effective_migration_address, uri_host(spec.effective_peer_uri), spec.name)))


def certificate_findings(host: str, certificates: Certificates | None) -> tuple[Finding, ...]:
    """What is wrong with one host's certificates, wherever VMs move. Of none, or unknown ones: nothing."""
    if certificates is None:
        return ()
    renew = f"Renew it in {certificates.folder} on {host}; {HOW_TO}."
    faults = [
        _finding(FindingCode.CERTIFICATE_INVALID, f"{host}: {fault} ({certificates.folder})", renew)
        for fault in certificates.faults
    ]
    ends = (("server-cert.pem", certificates.server), ("client-cert.pem", certificates.client))
    for file, one in ends:
        if one is not None:
            faults += _validity(f"{host}: {certificates.folder}/{file}", one, certificates, renew)
    return tuple(faults)


def certificates_absent(end: HostReading, severity: Severity) -> tuple[Finding, ...]:
    """A host that has no complete set of certificates, or of which that is not known."""
    seen = end.certificates
    if seen is None:
        return (
            Finding(
                code=FindingCode.CERTIFICATE_UNKNOWN,
                # libvirt itself refuses TLS where there are none: nothing can leave in plain text.
                severity=Severity.WARNING,
                reason=f"it is not known whether {end.host} has certificates for TLS",
                remedy=f"Let ferryman reach {end.host} by qemu+ssh://, as a user who may read QEMU's certificates.",
            ),
        )
    if seen.complete or seen.faults:
        return ()
    parts = _parts(seen)
    missing = [name for name, there in parts.items() if not there]
    lacks = f"no certificates for TLS in {seen.folder}"
    if len(missing) < len(parts):
        lacks += f" ({', '.join(missing)} not found)"
    return (
        Finding(
            code=FindingCode.CERTIFICATE_MISSING,
            severity=severity,
            reason=f"{end.host} has {lacks}",
            remedy=f'{HOW_TO}; or set encryption = "off" for this VM.',
        ),
    )


def _parts(seen: Certificates) -> dict[str, bool]:
    return {
        "ca-cert.pem": bool(seen.trusted),
        "server-cert.pem": seen.server is not None,
        "client-cert.pem": seen.client is not None,
    }


def _validity(what: str, one: Certificate, seen: Certificates, renew: str) -> list[Finding]:
    if one.not_after <= seen.as_of:
        return [
            _finding(FindingCode.CERTIFICATE_INVALID, f"{what} expired on {one.not_after:%Y-%m-%d %H:%M} UTC", renew)
        ]
    if seen.as_of < one.not_before:
        valid_from = f"{what} is valid only from {one.not_before:%Y-%m-%d %H:%M} UTC"
        return [_finding(FindingCode.CERTIFICATE_INVALID, valid_from, f"See the host's clock. {renew}")]
    if seen.trusted and not one.issuer:
        stranger = f"{what} is not signed by an authority in ca-cert.pem beside it"
        return [_finding(FindingCode.CERTIFICATE_INVALID, stranger, renew)]
    if one.not_after <= seen.as_of + _SOON:
        soon = f"{what} expires on {one.not_after:%Y-%m-%d %H:%M} UTC"
        return [_finding(FindingCode.CERTIFICATE_EXPIRES, soon, renew, Severity.WARNING)]
    return []


def _distrust(source: HostReading, destination: HostReading) -> list[Finding]:
    """Each end must trust the authority of the certificate that the other shows."""
    here, there = source.certificates, destination.certificates
    if here is None or there is None:
        return []
    shown = ((source, here.client, destination, there), (destination, there.server, source, here))
    return [
        _finding(
            FindingCode.CERTIFICATE_INVALID,
            f"{peer.host} does not trust {shower.host}'s certificate: its authority is not in "
            f"{trusting.folder}/ca-cert.pem there",
            f"Add that authority's certificate to {trusting.folder}/ca-cert.pem on {peer.host}.",
        )
        for shower, one, peer, trusting in shown
        if one is not None and one.issuer and trusting.trusted and one.issuer not in trusting.trusted
    ]


def _wrong_name(destination: HostReading, names: tuple[str, ...]) -> list[Finding]:
    seen = destination.certificates
    if seen is None or seen.server is None or _name_shown(seen, names):
        return []
    borne = ", ".join(sorted(seen.server.names)) or "no name"
    return [
        _finding(
            FindingCode.CERTIFICATE_INVALID,
            f"{destination.host}'s certificate is for {borne}, and the host is expected as {' or '.join(names)}",
            f"Renew it in {seen.folder} on {destination.host} with one of these names; {HOW_TO}.",
        )
    ]


def _name_shown(seen: Certificates | None, names: tuple[str, ...]) -> str:
    """The best name that the certificate bears; empty: none, or unknown."""
    if seen is None or seen.server is None:
        return ""
    borne = seen.server.names
    return next((name for name in names if any(_matches(name, pattern) for pattern in borne)), "")


def _matches(name: str, pattern: str) -> bool:
    """As TLS has it: addresses as such, and a star for the first label of a name alone."""
    if _is_address(name) or _is_address(pattern):
        return _is_address(name) and _is_address(pattern) and ip_address(name) == ip_address(pattern)
    name, pattern = name.lower(), pattern.lower()
    if pattern.startswith("*."):
        return "." in name and name.partition(".")[2] == pattern[2:]
    return name == pattern


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _finding(code: FindingCode, reason: str, remedy: str, severity: Severity = Severity.BLOCKER) -> Finding:
    return Finding(code=code, severity=severity, reason=reason, remedy=remedy)
