"""Keys of AWS KMS, on moto, between the real sops and ours: context, alias, role, profile."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from providers import catalog
from providers.errors import Denied, Misconfigured, NotFound, Unavailable
from providers.testing import exercise_key_service
from sealer.sops.recipients import spelling
from sealer.sops.recipients.base import MasterKey
from tests.kit.moto import ACCOUNT, REGION, Moto
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop
boto3 = pytest.importorskip("boto3")


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as server:
        yield server


@pytest.fixture(scope="module")
def arn(moto: Moto) -> str:
    """A key, and the alias `alias/sops` of it."""
    client = boto3.client(
        "kms",
        region_name=REGION,
        endpoint_url=moto.address,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    made: dict[str, Any] = client.create_key()["KeyMetadata"]
    client.create_alias(AliasName="alias/sops", TargetKeyId=made["KeyId"])
    return str(made["Arn"])


def key(text: str, enc: str = "", context: Mapping[str, str] | None = None) -> MasterKey:
    return MasterKey("kms", spelling.parse("kms", text, context=context).fields, enc)


@pytest.mark.parametrize(
    "text",
    [
        "{arn}",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/sops",
        f"{{arn}}+arn:aws:iam::{ACCOUNT}:role/deploy",
    ],
    ids=["key", "alias", "role"],
)
def test_both_read_what_the_other_wrote(moto: Moto, arn: str, tmp_path: Path, text: str) -> None:
    text = text.format(arn=arn)
    exchange = Exchange(tmp_path, moto.environ)
    services = {"kms": catalog.key_service("kms", exchange.environ)}
    flags = ["--kms", text, "--encryption-context", "app:shop,stage:test"]
    assert exchange.we_read(exchange.theirs(*flags), services) == PLAIN
    data = exchange.ours([[key(text, context={"app": "shop", "stage": "test"})]], services)
    assert exchange.they_read(data) == PLAIN


def test_it_passes_the_exam(moto: Moto, arn: str) -> None:
    missing = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    service = catalog.key_service("kms", moto.environ)
    exercise_key_service(service, lambda enc: key(arn, enc), lambda enc: key(missing, enc))


def test_another_context_does_not_unwrap(moto: Moto, arn: str) -> None:
    service = catalog.key_service("kms", moto.environ)
    enc = service.wrap(key(arn, context={"app": "shop"}), b"data")
    assert service.unwrap(key(arn, enc, {"app": "shop"})) == b"data"
    for context in ({"app": "other"}, {}):
        with pytest.raises(Misconfigured, match="InvalidCiphertext"):
            service.unwrap(key(arn, enc, context))


def test_credentials_come_from_a_profile(moto: Moto, arn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[dev]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))  # boto3 knows no other way
    service = catalog.key_service("kms", {"AWS_ENDPOINT_URL": moto.address})
    chosen = spelling.parse("kms", arn, aws_profile="dev")
    assert service.unwrap(chosen.wrapping(service.wrap(chosen, b"data"), "")) == b"data"
    with pytest.raises(Misconfigured, match=r"profile .*other"):
        service.wrap(spelling.parse("kms", arn, aws_profile="other"), b"data")


def test_a_file_cannot_choose_a_profile_over_the_keys_of_a_secret(moto: Moto, arn: str) -> None:
    chosen = spelling.parse("kms", arn, aws_profile="absent")
    assert catalog.key_service("kms", moto.environ).wrap(chosen, b"data")
    with pytest.raises(Misconfigured, match="profile"):
        catalog.key_service("kms", {**moto.environ, "HOME": "/nowhere"}).wrap(chosen, b"data")


def test_no_credentials_no_answer_and_no_arn_are_told_apart(
    moto: Moto, arn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Denied, match="no AWS credentials"):
        catalog.key_service("kms", {"AWS_ENDPOINT_URL": moto.address}).wrap(key(arn), b"data")
    with pytest.raises(Unavailable, match="AWS does not answer"):
        catalog.key_service("kms", {**moto.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}).wrap(key(arn), b"data")
    with pytest.raises(NotFound, match="NotFoundException"):
        catalog.key_service("kms", moto.environ).wrap(key(arn[:-4] + "0000"), b"data")
    for wrong in ("", "arn:aws:s3:::bucket", f"{arn} x", "arn:aws:kms:evil.example.com/:1:key/x"):
        with pytest.raises(Misconfigured, match="is no ARN"):
            catalog.key_service("kms", moto.environ).wrap(MasterKey("kms", {"arn": wrong}), b"data")
