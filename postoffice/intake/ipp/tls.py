"""A certificate of the office's own for ipps, where nobody has given it another.

CUPS remembers the first certificate it sees of a printer; so the key stays the same for good, and only its certificate is renewed.
"""

import ipaddress
import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=820)  #: macOS and iOS refuse certificates of more than 825 days
RENEW_BEFORE = timedelta(days=60)


def ssl_context(folder: Path, hostnames: Sequence[str], *, now: datetime | None = None) -> ssl.SSLContext:
    """A server's context with the certificate of `ensure_certificate`. OSError where the folder cannot be written."""
    certificate, key = ensure_certificate(folder, hostnames, now=now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def ensure_certificate(folder: Path, hostnames: Sequence[str], *, now: datetime | None = None) -> tuple[Path, Path]:
    """`ipps.crt` and `ipps.key` (mode 0600) in `folder`, made where they are missing.

    The certificate is made anew, with the same key, before it runs out and when one of `hostnames` (names or IP addresses, the
    first is its subject) is not in it. ValueError without any hostname.
    """
    if not hostnames:
        raise ValueError("a certificate needs at least one host name")
    now = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    certificate_path, key_path = folder / "ipps.crt", folder / "ipps.key"
    key = _load_key(key_path)
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(key_path, _pem_of_key(key))
    elif _still_good(certificate_path, key, hostnames, now):
        return certificate_path, key_path
    _write(certificate_path, _certificate(key, hostnames, now).public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        return None  # not there, or cut off by a crash: a new one is made
    return found if isinstance(found, ec.EllipticCurvePrivateKey) else None


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _still_good(path: Path, key: ec.EllipticCurvePrivateKey, hostnames: Sequence[str], now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return False
    if found.public_key() != key.public_key() or not found.not_valid_before_utc <= now < found.not_valid_after_utc - RENEW_BEFORE:
        return False
    return all(_general_name(name) in names for name in hostnames)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(key: ec.EllipticCurvePrivateKey, hostnames: Sequence[str], now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostnames[0][:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # a client's clock may be slow
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in dict.fromkeys(hostnames)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by us alone."""
    part = path.with_suffix(path.suffix + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
