"""TLS to an API server: whom we trust, and which certificate we present."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.kube.config import Connection
from engine.kube.credentials import ClientCertificate
from engine.kube.errors import ConfigError


def make_context(connection: Connection, certificate: ClientCertificate | None) -> ssl.SSLContext:
    """The settings for new TLS connections. Raises: ConfigError for an authority or certificate that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if connection.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif connection.ca_data is None:
        context.load_default_certs()
    else:
        _trust(context, connection.ca_data, connection.origin)
    if certificate is not None:
        _present(context, certificate, connection.origin)
    return context


def _trust(context: ssl.SSLContext, ca_data: bytes, origin: str) -> None:
    try:
        context.load_verify_locations(cadata=ca_data.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"{origin}: the certificate authority is no PEM certificate") from error


def _present(context: ssl.SSLContext, certificate: ClientCertificate, origin: str) -> None:
    try:
        with _as_file(certificate.certificate + b"\n" + certificate.key) as path:
            # An encrypted key would ask the terminal for its passphrase; an empty one makes that a plain failure.
            context.load_cert_chain(path, password=b"")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{origin}: the client certificate and its key cannot be used",
            "both must be PEM, belong together, and the key must not be encrypted",
        ) from error


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A file name for content that is in memory: the TLS library takes client certificates from files only.

    On Linux the file is in memory too, so that a killed process leaves no key on a disk.
    """
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("client-certificate"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield name
    finally:
        Path(name).unlink()
