"""Which key a command line seals with: the options that say so, and the certificate that they lead to."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sealer import certificates
from sealer.cli import cluster
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option
from sealer.errors import CertificateError

if TYPE_CHECKING:
    from sealer.certificates import Certificate
    from sealer.cli.terminal import Terminal

CERT = Option(
    ("--cert",), "Certificate to seal with, instead of asking the controller.", "PATH|URL", many=True, environ="CERT"
)
FINGERPRINT = Option(
    ("--cert-fingerprint",), "Refuse any certificate but the one whose key has this fingerprint.", "SHA256:..."
)
_POD_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_WEAK_BELOW_BITS = 2048


class Sealing(NamedTuple):
    """The certificate, and the namespace for Secrets that name none; empty where nothing says one."""

    certificate: "Certificate"
    namespace: str


def one(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> Sealing:
    """The one certificate of a verb that makes one output.

    Raises: Misused for several; CertificateError.
    """
    locations = given.texts("cert")
    if len(locations) > 1:
        raise Misused("--cert is given more than once", hint="for several outputs: --cert NAME=PATH --cert NAME=PATH")
    return find(locations[0] if locations else None, given, terminal, environ)


def find(location: str | None, given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> Sealing:
    """The certificate of a location, or the controller's. Only without a location is a kubeconfig read.

    Raises: Misused, CertificateError.
    """
    expected = _expected_fingerprint(given)
    if location is None:
        connection = cluster.connect(given, environ)
        certificate, namespace = cluster.controllers_certificate(connection, given), connection.namespace
    else:
        if location.lower().startswith("http://") and expected is None:
            shown = certificates.without_password(location)
            terminal.warning(
                f"{shown}: the certificate comes over plain http, where anybody may exchange it",
                hint="use https, or give --cert-fingerprint",
            )
        timeout = cluster.timeout_seconds(given)
        certificate = certificates.load(location, is_pinned=expected is not None, timeout_seconds=timeout)
        namespace = _own_namespace()
    _check(certificate, expected, terminal)
    return Sealing(certificate, namespace)


def _check(certificate: "Certificate", expected: str | None, terminal: "Terminal") -> None:
    if expected is not None:
        from sealer.keys import fingerprint

        actual = fingerprint(certificate.public_key)
        if actual != expected:
            raise CertificateError(f"{certificate.source}: the key has the fingerprint {actual}, not {expected}")
    certificate.refuse_expired(time.time())
    bits = certificate.public_key.key_size
    if bits < _WEAK_BELOW_BITS:
        terminal.warning(f"{certificate.source}: a key of {bits} bits is weak")
    if terminal.is_verbose:
        terminal.info(f"{certificate.source}: sealing for {bits} bits, valid until {certificate.not_after:%Y-%m-%d}")


def _expected_fingerprint(given: Given) -> str | None:
    text = given.text("cert-fingerprint")
    if text is None:
        return None
    expected = text if text.startswith("SHA256:") else f"SHA256:{text}"
    expected = expected.rstrip("=")
    if len(expected) != len("SHA256:") + 43:
        raise Misused(f'--cert-fingerprint: "{text}" is no fingerprint', hint="kseal cert -o json shows the real one")
    return expected


def _own_namespace() -> str:
    """The namespace of the pod that we run in, else nothing."""
    try:
        with open(_POD_NAMESPACE, encoding="utf-8") as file:  # noqa: PTH123  # see files.py
            return file.read().strip()
    except OSError:
        return ""
