"""X.509 certificates of the lab: an authority of its own, and for every host one that serves as server and client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ferryman.lab.dh_parameters import ffdhe2048_pem
from ferryman.lab.layout import TLS_PATH, HostLayout, Layout
from ferryman.lab.ledger import make_folder

_VALID_FOR = timedelta(days=365)
_CLOCKS_APART = timedelta(days=1)
"""A certificate is valid from a day ago: hosts' clocks may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def usual(cls) -> Validity:
        """For a year from now."""
        now = datetime.now(UTC)
        return cls(not_before=now - _CLOCKS_APART, not_after=now + _VALID_FOR)

    @classmethod
    def past(cls) -> Validity:
        """Until yesterday."""
        now = datetime.now(UTC)
        return cls(not_before=now - _VALID_FOR, not_after=now - timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who signs."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, name: str) -> Authority:
        """A new one, whom nobody knows yet."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        usage = _key_usage(signs_certificates=True)
        certificate = (
            _builder(subject, subject, key, Validity.usual())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key=key, certificate=certificate)

    def install(self, host: HostLayout, validity: Validity | None = None) -> None:
        """Give the host a new key and certificate, with its name and address; in place of those that it had."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host.name), x509.IPAddress(ip_address(host.address))]
        both_ways = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(_name(host.name), self.certificate.subject, key, validity or Validity.usual())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(both_ways), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        folder = make_folder(folder_of(host), 0o755)
        (folder / "ca-cert.pem").write_bytes(_pem(self.certificate))
        (folder / "dh-params.pem").write_bytes(ffdhe2048_pem())
        for end in ("server", "client"):
            (folder / f"{end}-cert.pem").write_bytes(_pem(certificate))
            _write_key(folder / f"{end}-key.pem", key)


def folder_of(host: HostLayout) -> Path:
    """Where the host's certificates really are; absent where it has none."""
    return host.folder / TLS_PATH.lstrip("/")


def write_certificates(layout: Layout, without: frozenset[str] = frozenset()) -> None:
    """Make the lab's authority, and certificates for its hosts but those named."""
    authority = Authority.create("ferryman lab")
    folder = make_folder(layout.authority, 0o700)
    (folder / "ca-cert.pem").write_bytes(_pem(authority.certificate))
    _write_key(folder / "ca-key.pem", authority.key)
    for host in layout.hosts:
        if host.name not in without:
            authority.install(host)


def authority_of(layout: Layout) -> Authority:
    """The lab's own authority."""
    key = serialization.load_pem_private_key((layout.authority / "ca-key.pem").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the lab's authority has a key of this module's kind")
    certificate = x509.load_pem_x509_certificate((layout.authority / "ca-cert.pem").read_bytes())
    return Authority(key=key, certificate=certificate)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
