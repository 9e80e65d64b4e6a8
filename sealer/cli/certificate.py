"""`kseal cert`: the certificate that secrets are sealed with."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer import certificates
from sealer.cli import cluster, files
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.keys import fingerprint

if TYPE_CHECKING:
    from sealer.certificates import Certificate
    from sealer.cli.terminal import Terminal

OPTIONS = (
    Option(("--cert",), "Look at this certificate instead of asking the controller.", "PATH|URL", environ="CERT"),
    Option(("-w", "--write"), "Write to this file instead of standard output, as a whole or not at all.", "FILE"),
    Option(("-o", "--output"), "pem as it is served, or json with fingerprint and dates.", "FORM", ("pem", "json")),
    *cluster.OPTIONS,
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Fetch, check, print."""
    location = given.text("cert")
    if location is None:
        certificate = cluster.controllers_certificate(cluster.connect(given, environ), given)
    else:
        certificate = certificates.load(location, timeout_seconds=cluster.timeout_seconds(given))
    if certificate.is_expired(time.time()):
        terminal.warning(
            f"{certificate.source}: expired on {certificate.not_after:%Y-%m-%d}, nothing can be sealed with it"
        )
    text = _described(certificate) if given.text("output") == "json" else certificate.pem.decode("utf-8", "replace")
    files.write_output(text, given.text("write"))
    return 0


def _described(certificate: "Certificate") -> str:
    """Fingerprint of the key and validity, times in RFC 3339, UTC."""
    described = {
        "fingerprint": fingerprint(certificate.public_key),
        "not_before": f"{certificate.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{certificate.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }
    return json.dumps(described, indent=2) + "\n"


VERB = Verb(
    name="cert",
    summary="Print the certificate that secrets are sealed with.",
    text="It is public: keep it in Git, and seal without access to the cluster by `kseal seal --cert FILE`.",
    examples=("kseal cert -w cert.pem", "kseal cert -o json", "kseal cert --cert cert.pem -o json"),
    options=OPTIONS,
    run=run,
)
