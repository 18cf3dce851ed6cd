"""S/MIME signatures (multipart/signed, RFC 8551) by people whose keys are derived from their names: worth nothing."""

import hashlib
from datetime import datetime, timedelta
from email.message import Message
from email.policy import compat32

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from demo.content.files import File
from demo.content.people import Person
from demo.content.render import container, file_part, octets


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(hashlib.sha256(f"demo key of {name}".encode()).digest(), "big")
    return ec.derive_private_key(number >> 1, ec.SECP256R1())


def _certificate(person: Person, when: datetime) -> x509.Certificate:
    issuer_name = "IMS demo mail authority"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, person.name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(_key(person.name).public_key())
        .serial_number(int.from_bytes(hashlib.sha256(person.mail.encode()).digest()[:12], "big"))
        .not_valid_before(when - timedelta(days=400))
        .not_valid_after(when + timedelta(days=700))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(person.mail)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    return builder.sign(_key(issuer_name), hashes.SHA256())


def sign(entity: Message, *, signer: Person, when: datetime) -> Message:
    """The entity and its detached signature. The CRLF that the generator puts before the boundary is not signed."""
    signature = (
        PKCS7SignatureBuilder()
        .set_data(octets(entity))
        .add_signer(_certificate(signer, when), _key(signer.name), hashes.SHA256())
        .sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
    )
    boundary = f"=_signed-{hashlib.sha256(octets(entity)).hexdigest()[:16]}"
    part = file_part(File("smime.p7s", "application/pkcs7-signature", signature))
    part.policy = compat32
    message = container("signed", (entity, part), boundary)
    message.set_param("protocol", "application/pkcs7-signature")
    message.set_param("micalg", "sha-256")
    return message
