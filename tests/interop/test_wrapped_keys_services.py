"""A controller whose sealing keys are wrapped by a real OpenBao, and by AWS KMS as moto speaks for it."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd, open_ground
from tests.kit.moto import REGION, Moto
from tests.kit.openbao import TOKEN, OpenBao
from tests.kit.process import wait_until
from tests.kit.sealingkeys import LABEL, a_key, key_secret
from tests.kit.wrappedkeys import shows_private_key

pytestmark = [pytest.mark.cluster, pytest.mark.interop]


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao() as server:
        yield server


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as server:
        yield server


@pytest.fixture
def stack(control_plane: ControlPlane) -> Iterator[ExitStack]:
    install_crd(control_plane)
    with ExitStack() as stack:
        yield stack


def key_of(ground: Ground) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{ground.namespace}/secrets"
    (found,) = [
        one for one in ground.plane.api.json("GET", path)["items"] if LABEL in one["metadata"].get("labels", {})
    ]
    return found


def works_wrapped(ground: Ground) -> None:
    """A first start makes a wrapped key, a second one opens it, and it unseals."""
    ground.controller.start()
    assert not shows_private_key(key_of(ground))
    served = ground.controller.certificate()
    assert ground.controller.stop() == 0
    ground.controller.start()
    assert ground.controller.certificate() == served
    ground.apply(ground.sealed("db", {"a": b"1"}))
    ground.wait_synced("db")


def opened(stack: ExitStack, plane: ControlPlane, key: str, environment: Mapping[str, str], *more: str) -> Ground:
    flags = (f"--wrap-keys-with={key}", "--key-renew-period=0", *more)
    return stack.enter_context(open_ground(plane, *flags, environment=environment))


def test_keys_live_under_a_transit_key(stack: ExitStack, control_plane: ControlPlane, bao: OpenBao) -> None:
    key = f"vault:{bao.transit_key('sealing')}"
    works_wrapped(opened(stack, control_plane, key, {"VAULT_TOKEN": TOKEN}))


def test_keys_live_under_a_key_of_kms(stack: ExitStack, control_plane: ControlPlane, moto: Moto) -> None:
    client = boto3.client(
        "kms",
        region_name=REGION,
        endpoint_url=moto.address,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    arn = client.create_key()["KeyMetadata"]["Arn"]
    works_wrapped(opened(stack, control_plane, f"aws-kms:{arn}", moto.environ))


@pytest.mark.slow
def test_a_service_that_hangs_keeps_a_start_waiting_with_the_cause_and_is_asked_again(
    stack: ExitStack, control_plane: ControlPlane, bao: OpenBao
) -> None:
    uri = bao.transit_key("hanging")
    ground = opened(stack, control_plane, f"vault:{uri}", {"VAULT_TOKEN": TOKEN})
    works_wrapped(ground)
    bao.process.signal(signal.SIGSTOP)
    try:
        ground.apply(ground.sealed("meanwhile", {"a": b"1"}))
        ground.wait_synced("meanwhile")
        assert ground.controller.is_ready(), "what is in memory goes on"
        assert ground.controller.stop() == 0
        ground.controller.launch()
        wait_until(lambda: "Vault does not answer" in ground.controller.get("/readyz")[1], "the cause is shown")
        status, text = ground.controller.get("/readyz")
        assert (status, uri in text) == (503, True)
        assert ground.controller.get("/healthz")[0] == 200
        name = key_of(ground)["metadata"]["name"]
    finally:
        bao.process.signal(signal.SIGCONT)
    wait_until(ground.controller.is_ready, "it is ready by itself")
    assert key_of(ground)["metadata"]["name"] == name


def test_a_token_that_an_agent_renews_is_read_again(
    stack: ExitStack, control_plane: ControlPlane, bao: OpenBao, tmp_path: Path
) -> None:
    token = tmp_path / ".vault-token"
    token.write_text("expired")
    ground = opened(stack, control_plane, f"vault:{bao.transit_key('agent')}", {"HOME": str(tmp_path)})
    ground.controller.launch()
    wait_until(lambda: "Vault says" in ground.controller.get("/readyz")[1], "the refusal is shown")
    token.write_text(TOKEN)
    wait_until(ground.controller.is_ready, "it is ready with the new one")
    assert not shows_private_key(key_of(ground))


def test_a_refusal_is_told_and_ends_when_the_right_is_given(
    stack: ExitStack, control_plane: ControlPlane, bao: OpenBao
) -> None:
    """No new key beside the wrapped one either, though a plain one is there and seals."""
    uri = bao.transit_key("refusing")
    policy = "wrapping"
    bao.write(f"sys/policies/acl/{policy}", {"policy": 'path "transit/encrypt/refusing" { capabilities = ["update"] }'})
    token = bao.write("auth/token/create", {"policies": [policy]})["auth"]["client_token"]
    ground = opened(stack, control_plane, f"vault:{uri}", {"VAULT_TOKEN": token})
    ground.apply(key_secret("plain", a_key(timedelta(hours=1))))
    ground.controller.start()
    ground.controller.process.signal(signal.SIGUSR1)
    wait_until(lambda: "permission denied" in ground.controller.logs, "that it may not decrypt is told")
    assert key_of(ground)["metadata"]["name"] == "plain", "a key that could not be opened again was not written"
    assert token not in ground.controller.logs
    both = " ".join(f'path "transit/{way}/refusing" {{ capabilities = ["update"] }}' for way in ("encrypt", "decrypt"))
    bao.write(f"sys/policies/acl/{policy}", {"policy": both})
    wait_until(lambda: "key made" in ground.controller.logs.replace("no key made", ""), "the key is made")
