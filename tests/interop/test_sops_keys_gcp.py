"""Keys of Google Cloud KMS between the real sops and ours, on a server that speaks the published REST."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from providers import catalog
from providers.errors import Denied, Misconfigured, NotFound, Unavailable
from providers.testing import exercise_key_service
from sealer.sops.recipients.base import MasterKey
from tests.kit.cloudkms import TOKEN, CloudKms
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop
pytest.importorskip("google.cloud.kms")
NAME = "projects/known/locations/europe-west1/keyRings/ring/cryptoKeys/key"


@pytest.fixture(scope="module")
def environ() -> Iterator[Mapping[str, str]]:
    with CloudKms() as server:
        rest = {"SOPS_GCP_KMS_ENDPOINT": server.address, "SOPS_GCP_KMS_CLIENT_TYPE": "rest"}
        yield {**rest, "GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN}


def key(name: str, enc: str = "") -> MasterKey:
    return MasterKey("gcp_kms", {"resource_id": name}, enc)


def test_both_read_what_the_other_wrote(environ: Mapping[str, str], tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, environ)
    services = {"gcp_kms": catalog.key_service("gcp_kms", exchange.environ)}
    assert exchange.we_read(exchange.theirs("--gcp-kms", NAME), services) == PLAIN
    assert exchange.they_read(exchange.ours([[key(NAME)]], services)) == PLAIN


def test_it_passes_the_exam(environ: Mapping[str, str]) -> None:
    missing = NAME.replace("known", "missing")
    service = catalog.key_service("gcp_kms", environ)
    exercise_key_service(service, lambda enc: key(NAME, enc), lambda enc: key(missing, enc))


def test_refusals_are_told_apart(environ: Mapping[str, str], tmp_path: Path) -> None:
    service = catalog.key_service("gcp_kms", environ)
    with pytest.raises(Denied, match="not allowed"):
        service.wrap(key(NAME.replace("ring/", "secret/")), b"data")
    with pytest.raises(NotFound, match="no such key"):
        service.wrap(key(NAME.replace("known", "missing")), b"data")
    with pytest.raises(Misconfigured, match="Decryption failed"):
        service.unwrap(key(NAME, "AAAA"))
    with pytest.raises(Misconfigured, match="is no resource name"):
        service.wrap(key(f"{NAME}:destroy"), b"data")
    with pytest.raises(Denied, match="does not accept the credentials"):
        catalog.key_service("gcp_kms", {**environ, "GOOGLE_OAUTH_ACCESS_TOKEN": "another"}).wrap(key(NAME), b"data")
    with pytest.raises(Unavailable, match="does not answer"):
        catalog.key_service("gcp_kms", {**environ, "SOPS_GCP_KMS_ENDPOINT": "http://127.0.0.1:1"}).wrap(
            key(NAME), b"data"
        )
    for wrong in (
        "{}",
        '{"type": "external_account"}',
        '{"type": "service_account", "private_key": "hidden"}',
        "/nowhere",
        str(tmp_path),
    ):
        with pytest.raises(Misconfigured, match="GOOGLE_CREDENTIALS: ") as caught:
            catalog.key_service("gcp_kms", {**environ, "GOOGLE_CREDENTIALS": wrong}).wrap(key(NAME), b"data")
        assert "hidden" not in str(caught.value)
