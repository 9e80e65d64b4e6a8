"""Functions whose result changes are known as such, and what they give has the right form."""

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import string_map

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)

VOLATILE = {
    "ago", "bcrypt", "date", "dateInZone", "date_in_zone", "durationRound", "encryptAES", "genCA", "genCAWithKey",
    "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
    "htmlDate", "htmlDateInZone", "htpasswd", "now", "randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt",
    "randNumeric", "shuffle", "uuidv4",
}  # fmt: skip


def _render(template: str, **data: bytes) -> str:
    return parse("t", template, TABLE).render(string_map(data), clock=lambda: NOW).decode()


def _pair(call: str, before: str = "") -> tuple[x509.Certificate, object, str]:
    """The certificate and key that a call gives, and the key's first line."""
    certificate, key = _render(f"{before}{{{{ $c := {call} }}}}{{{{ $c.Cert }}}}|{{{{ $c.Key }}}}").split("|")
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    return loaded, load_pem_private_key(key.encode(), None), key.splitlines()[0]


def test_the_functions_whose_result_changes_are_known() -> None:
    assert {name for name in TABLE if TABLE[name].is_volatile} == VOLATILE


@pytest.mark.parametrize(
    ("template", "is_volatile"),
    [
        ("{{ .a }}", False),
        ("{{ if false }}{{ now }}{{ end }}", True),
        ('{{ define "x" }}{{ uuidv4 }}{{ end }}', True),
        ("{{ .now | upper }}", False),
        ('{{ derivePassword 1 "long" "p" "u" "s" }}', False),
        ('{{ "now" }} now {{/* now */}}', False),
    ],
)
def test_a_template_tells_whether_it_may_change(template: str, is_volatile: bool) -> None:
    assert parse("t", template, TABLE).is_volatile is is_volatile


@pytest.mark.parametrize(
    ("call", "form"),
    [
        ("randAlphaNum 40", "[A-Za-z0-9]{40}"),
        ("randAlpha 40", "[A-Za-z]{40}"),
        ("randNumeric 40", "[0-9]{40}"),
        ("randAscii 40", "[ -~]{40}"),
        ("randAlphaNum 0", ""),
        ("randAlphaNum -3", ""),
        ("randInt 5 8", "[567]"),
        ("uuidv4", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ],
)
def test_random_values_have_their_form(call: str, form: str) -> None:
    assert re.fullmatch(form, _render(f"{{{{ {call} }}}}"))


def test_random_values_differ_each_time() -> None:
    assert len({_render("{{ randAlphaNum 20 }}{{ uuidv4 }}{{ randBytes 8 }}") for _ in range(5)}) == 5


def test_random_bytes_are_in_base64() -> None:
    assert len(b64decode(_render("{{ randBytes 33 }}"), validate=True)) == 33


def test_shuffling_keeps_the_characters() -> None:
    text = "aäbßc日本"
    shuffled = {_render("{{ shuffle .text }}", text=text.encode()) for _ in range(20)}
    assert {"".join(sorted(each)) for each in shuffled} == {"".join(sorted(text))}
    assert len(shuffled) > 1


def test_bcrypt_hashes_are_of_cost_10_and_verify() -> None:
    made = _render("{{ bcrypt .password }}", password=b"hunter2").encode()
    assert made.startswith(b"$2a$10$")
    assert bcrypt.checkpw(b"hunter2", made)


def test_htpasswd_lines_verify() -> None:
    user, made = _render('{{ htpasswd "ada" .password }}', password=b"\xc3\xa9t\xc3\xa9").split(":")
    assert user == "ada"
    assert bcrypt.checkpw("été".encode(), made.encode())


def test_encryption_is_undone_by_decryption_and_differs_each_time() -> None:
    template = '{{ $c := encryptAES "key" .text }}{{ $c }} {{ decryptAES "key" $c }}'
    (one, text), (other, _) = (_render(template, text=b"0123456789abcdef!").split(" ") for _ in range(2))
    assert text == "0123456789abcdef!"
    assert one != other
    assert len(b64decode(one)) == 16 + 32


@pytest.mark.parametrize(
    ("kind", "line", "of"),
    [
        ("ecdsa", "EC PRIVATE KEY", ec.EllipticCurvePrivateKey),
        ("ed25519", "PRIVATE KEY", ed25519.Ed25519PrivateKey),
    ],
)
def test_private_keys_are_in_the_usual_forms(kind: str, line: str, of: type) -> None:
    text = _render(f'{{{{ genPrivateKey "{kind}" }}}}')
    assert text.startswith(f"-----BEGIN {line}-----\n")
    assert isinstance(load_pem_private_key(text.encode(), None), of)


@pytest.mark.slow
def test_rsa_keys_have_4096_bits() -> None:
    key = load_pem_private_key(_render('{{ genPrivateKey "rsa" }}').encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 4096


def test_an_authority_may_sign() -> None:
    certificate, key, line = _pair('genCA "my ca" 365')
    assert certificate.subject == certificate.issuer
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "my ca"
    assert certificate.not_valid_before_utc == NOW
    assert certificate.not_valid_after_utc - NOW == timedelta(days=365)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert isinstance(key, rsa.RSAPrivateKey)
    assert (key.key_size, line) == (2048, "-----BEGIN RSA PRIVATE KEY-----")
    assert key.public_key() == certificate.public_key()


def test_a_self_signed_certificate_names_its_hosts() -> None:
    key_template = '{{ $k := genPrivateKey "ecdsa" }}'
    call = 'genSelfSignedCertWithKey "host" (list "10.0.0.1" "fe80::1") (list "a.example" "*.b.example") 30 $k'
    certificate, key, _ = _pair(call, key_template)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "*.b.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("10.0.0.1"), ip_address("fe80::1")]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate.verify_directly_issued_by(certificate)


def test_a_signed_certificate_is_issued_by_its_authority() -> None:
    template = (
        '{{ $k := genPrivateKey "ed25519" }}{{ $ca := genCAWithKey "ca" 9 $k }}{{ $ca.Cert }}|'
        '{{ (genSignedCertWithKey "host" nil (list "h") 3 $ca (genPrivateKey "ecdsa")).Cert }}'
    )
    authority, signed = (x509.load_pem_x509_certificate(text.encode()) for text in _render(template).split("|"))
    signed.verify_directly_issued_by(authority)
    assert signed.issuer == authority.subject
    assert signed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "host"


def test_a_pair_that_exists_can_be_used_to_sign() -> None:
    template = (
        '{{ $made := genCA "old" 5 }}{{ $ca := buildCustomCert (b64enc $made.Cert) (b64enc $made.Key) }}{{ $ca.Cert }}|'
        '{{ (genSignedCert "new" nil nil 3 $ca).Cert }}'
    )
    authority, signed = (x509.load_pem_x509_certificate(text.encode()) for text in _render(template).split("|"))
    key = authority.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert signed.signature_hash_algorithm is not None
    key.verify(signed.signature, signed.tbs_certificate_bytes, padding.PKCS1v15(), signed.signature_hash_algorithm)


def test_a_foreign_key_does_not_sign() -> None:
    template = (
        '{{ $a := genCAWithKey "a" 5 (genPrivateKey "ecdsa") }}{{ $k := genPrivateKey "ecdsa" }}'
        '{{ $ca := buildCustomCert (b64enc $a.Cert) (b64enc $k) }}{{ genSignedCert "x" nil nil 3 $ca }}'
    )
    with pytest.raises(TemplateError, match="does not belong to its certificate"):
        _render(template)


@pytest.mark.parametrize("text", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(TemplateError):
        _render('{{ genCAWithKey "a" 5 .key }}', key=text)
    with pytest.raises(TemplateError):
        _render("{{ buildCustomCert .key .key }}", key=b64encode(text))


@pytest.mark.parametrize(
    ("template", "output"),
    [
        ("{{ now }}", "2026-02-03 04:05:06 +0000 UTC"),
        ('{{ now | date "2006-01-02" }}', "2026-02-03"),
        ('{{ dateInZone "15:04 MST" now "Europe/Berlin" }}', "05:05 CET"),
        ('{{ date "2006" "no date" }}', "2026"),
        ('{{ ago (toDate "2006-01-02" "2026-02-03") }}', "4h5m6s"),
        ('{{ durationRound (toDate "2006-01-02" "2024-02-03") }}', "2y"),
        ('{{ now | dateModify "-48h" | htmlDate }}', "2026-02-01"),
        ("{{ now | unixEpoch }}", str(int(NOW.timestamp()))),
        ("{{ now.Year }}/{{ now.Month }}/{{ now.Weekday }}", "2026/February/Tuesday"),
    ],
)
def test_the_present_is_what_the_clock_says(template: str, output: str) -> None:
    assert _render(template) == output
