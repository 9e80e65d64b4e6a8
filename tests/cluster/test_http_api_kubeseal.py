"""The original kubeseal against our controller, through the API server's proxy: it notices no difference."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground
from tests.kit.process import Nest, wait_until
from tests.kit.running import RunningController
from tests.kit.sandbox import POD_ADDRESS
from tests.kit.sealingkeys import a_key, certificate, key_secret
from tests.kit.serviceproxy import expose, wait_reachable

pytestmark = [pytest.mark.cluster, pytest.mark.interop, pytest.mark.netns]

SERVICE = "sealed-secrets-controller"
Kubeseal = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ground(served: ControlPlane) -> Iterator[Ground]:
    """Our controller, with its usual limits, behind a Service of the usual name."""
    with Nest("kubeseal") as nest:
        ground = Ground(served, nest)
        flags = ["--all-namespaces=false", "--key-size=2048", "--key-renew-period=0"]
        ground.controller = RunningController(
            nest, served.kubeconfig, namespace=ground.namespace, flags=flags, address=POD_ADDRESS
        ).launch()
        wait_reachable(served.api, expose(served.api, ground.namespace, SERVICE, ground.controller.port), "/readyz")
        yield ground


@pytest.fixture
def kubeseal(ground: Ground, program: Callable[[str], Path]) -> Kubeseal:
    path = program("kubeseal")

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [path, *arguments, f"--controller-namespace={ground.namespace}"],
            input=stdin,
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(ground.plane.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def secret(ground: Ground, name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": ground.namespace, "labels": {"app": "shop"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": "of the sea"}}


def sealed(ground: Ground, kubeseal: Kubeseal, name: str) -> str:
    """What kubeseal makes without --cert."""
    done = kubeseal(stdin=json.dumps(secret(ground, name)))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_fetches_the_certificate(ground: Ground, kubeseal: Kubeseal) -> None:
    assert kubeseal("--fetch-cert").stdout == ground.controller.certificate()


def test_what_it_seals_without_a_certificate_opens(ground: Ground, kubeseal: Kubeseal) -> None:
    ground.apply(json.loads(sealed(ground, kubeseal, "db")))
    ground.wait_synced("db")
    assert ground.values("db") == {"password": b"of the sea"}


def test_it_validates(ground: Ground, kubeseal: Kubeseal) -> None:
    text = sealed(ground, kubeseal, "db")
    good = kubeseal("--validate", stdin=text)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = kubeseal("--validate", stdin=text.replace('"db"', '"other"'))
    assert (bad.returncode, bad.stderr) == (1, "error: unable to decrypt sealed secret: other\n")


def test_it_reencrypts_under_a_newer_key_several_documents_in_one_go(ground: Ground, kubeseal: Kubeseal) -> None:
    """Six documents, where a client may have three questions answered at once."""
    names = [f"re-{number}" for number in range(6)]
    before = [json.loads(sealed(ground, kubeseal, name)) for name in names]
    newer = a_key()
    ground.apply(key_secret("newer", newer))
    wait_until(lambda: ground.controller.certificate() == certificate(newer), "the newer key is served")
    done = kubeseal("--re-encrypt", stdin="\n".join(map(json.dumps, before)))
    assert done.returncode == 0, done.stderr
    decoder, text, after = json.JSONDecoder(), done.stdout, []
    while text.strip():
        document, end = decoder.raw_decode(text.lstrip())
        after.append(document)
        text = text.lstrip()[end:]
    assert [one["metadata"]["name"] for one in after] == names
    for old, new in zip(before, after, strict=True):
        assert new["spec"]["encryptedData"]["password"] != old["spec"]["encryptedData"]["password"]
        assert new["spec"]["template"] == old["spec"]["template"]
    ground.apply(*after)
    for name in names:
        ground.wait_synced(name)
        assert ground.values(name) == {"password": b"of the sea"}


def test_what_does_not_open_is_not_reencrypted(ground: Ground, kubeseal: Kubeseal) -> None:
    done = kubeseal("--re-encrypt", stdin=sealed(ground, kubeseal, "db").replace('"db"', '"other"'))
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot re-encrypt secret:")
