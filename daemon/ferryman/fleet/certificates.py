"""What a host's certificates for migration say: values, and their making from files' contents (pure).

QEMU's own rules: both ends trust the authorities in their `ca-cert.pem`; the destination shows `server-cert.pem`, which
must bear the name that the source expects, the source shows `client-cert.pem`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

AUTHORITIES = "ca-cert.pem"
ENDS = ("server", "client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate, as far as a migration cares."""

    names: frozenset[str]
    """Host names and addresses that it is for."""
    not_before: datetime
    not_after: datetime
    issuer: str
    """Fingerprint of the trusted authority that it goes back to; empty: none of those that its own host trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """A host's certificates for migration."""

    folder: str
    """Where its QEMU looks for them."""
    server: Certificate | None
    """None: there is none, or no key for it."""
    client: Certificate | None
    trusted: frozenset[str]
    """Fingerprints of the authorities that it trusts."""
    faults: tuple[str, ...] = ()
    """Files that are there and cannot be used, in words."""
    mirrors_lack: str = ""
    """The folder where its libvirt looks for those of mirrored disks, and finds none; empty: it finds them."""
    as_of: datetime
    """When this was handed over: what is valid is judged by it."""

    @property
    def complete(self) -> bool:
        """Whether it has all that it takes to be either end."""
        return self.server is not None and self.client is not None and bool(self.trusted)


def certificates_of(folder: str, files: Mapping[str, bytes | None], as_of: datetime) -> Certificates:
    """A host's certificates from `ca-cert.pem` and `{server,client}-{cert,key}.pem`.

    None: there is no such file. Of a key only that it is there is asked: its content may be anything.
    """
    faults: list[str] = []
    chains = {name: _chain(name, files.get(name), faults) for name in (AUTHORITIES, *(_file(end) for end in ENDS))}
    found: dict[str, Certificate | None] = dict.fromkeys(ENDS)
    for end in ENDS:
        chain = chains[_file(end)]
        if chain and files.get(f"{end}-key.pem") is None:
            faults.append(f"{end}-key.pem is missing")
        elif chain:
            found[end] = _certificate(chain, chains[AUTHORITIES])
    return Certificates(
        folder=folder,
        server=found["server"],
        client=found["client"],
        trusted=frozenset(_fingerprint(one) for one in chains[AUTHORITIES]),
        faults=tuple(faults),
        as_of=as_of,
    )


def _file(end: str) -> str:
    return f"{end}-cert.pem"


def _chain(name: str, content: bytes | None, faults: list[str]) -> list[x509.Certificate]:
    if content is None:
        return []
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        faults.append(f"{name} is no certificate ({error})")
        return []


def _certificate(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]) -> Certificate:
    first = chain[0]
    return Certificate(
        names=_names(first),
        not_before=first.not_valid_before_utc,
        not_after=first.not_valid_after_utc,
        issuer=_issuer(chain, authorities),
    )


def _names(certificate: x509.Certificate) -> frozenset[str]:
    """The alternative names; of a certificate without any, its common name."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    addresses = (str(address) for address in alternative.get_values_for_type(x509.IPAddress))
    return frozenset({*alternative.get_values_for_type(x509.DNSName), *addresses})


def _issuer(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]) -> str:
    """The trusted authority that the chain goes back to, be its links in the host's own file or among the trusted."""
    current = chain[0]
    for _ in range(len(chain) + len(authorities)):
        root = next((one for one in authorities if _signed(current, one)), None)
        if root is not None:
            return _fingerprint(root)
        link = next((one for one in chain[1:] if one != current and _signed(current, one)), None)
        if link is None:
            return ""
        current = link
    return ""


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
