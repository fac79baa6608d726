"""A certificate authority of the clinic's own, for the demo and for sites without one."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_service.access.errors import CertificateUnreadable, NameNotCertified
from cloud_service.access.secret_files import write_secret

VALID = dt.timedelta(days=397)
SKEW = dt.timedelta(hours=1)  # a device's clock may be behind
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateFiles:
    """Where they lie: `ca` is what clients trust, `certificate` and `key` are the server's."""

    ca: Path
    certificate: Path
    key: Path


def ensure_certificates(folder: Path, names: Sequence[str] = LOCAL_NAMES) -> CertificateFiles:
    """Give the certificates in `folder`; make them on the first call. The authority's own key is not kept."""
    files = CertificateFiles(ca=folder / "ca.pem", certificate=folder / "server.pem", key=folder / "server.key")
    if not (files.ca.exists() and files.certificate.exists() and files.key.exists()):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(files, names)
    return files


def names_in(certificate: Path) -> frozenset[str]:
    """Host names and addresses that a certificate is for, as written in it.

    Raises
    ------
    CertificateUnreadable : the file is no certificate.
    """
    try:
        held = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    except (OSError, ValueError) as error:
        raise CertificateUnreadable("the certificate cannot be read", file=str(certificate), why=str(error)) from error
    return frozenset(str(name.value) for name in names)


def require_name(certificate: Path, host: str) -> None:
    """Refuse a name under which no device would believe the holder of `certificate`.

    Raises
    ------
    NameNotCertified : the certificate is for other names. CertificateUnreadable : the file is no certificate.
    """
    names = names_in(certificate)
    parent = f"*.{host.partition('.')[2]}"
    if host.lower() not in {name.lower() for name in names} and parent not in names:
        raise NameNotCertified(
            "the broker's certificate is not for this name",
            name=host,
            certificate=str(certificate),
            names=sorted(names),
        )


def _make(files: CertificateFiles, names: Sequence[str]) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _name("Bedside local authority")
    ca = (
        _builder(authority, authority, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        _builder(_name(names[0]), authority, key.public_key())
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_secret(files.key, private)
    files.certificate.write_bytes(server.public_bytes(pem))
    files.ca.write_bytes(ca.public_bytes(pem))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + VALID)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
