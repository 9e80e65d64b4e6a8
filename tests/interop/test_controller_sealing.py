"""What one project's command line seals, the other project's controller opens: every scope, values of every kind."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sealer.scope import Scope
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground
from tests.kit.process import Nest
from tests.kit.running import KSEAL, OriginalController

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

VALUES = {
    "password": b"of the sea",
    "binary": bytes(range(256)),
    "empty": b"",
    "unicode": "pässwörd ✓ 密码".encode(),
    "key.with-all_signs": b"1",
}
LARGE = bytes(range(256)) * 2048  # 512 KiB
TYPE = "example.com/own"
LABELS = {"app.kubernetes.io/instance": "shop"}
ANNOTATIONS = {"note": "für alle ✓ 密码", "markup": "<a href='x'>&amp;</a>\n"}


class Sides(NamedTuple):
    """A namespace with our controller, one with the original's, and what a person needs to seal for both."""

    ours: Ground
    original: Ground
    folder: Path

    def run(self, *command: str | Path, stdin: str) -> str:
        """Standard output of a command line that succeeds."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = subprocess.run(
            command, input=stdin, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def sides(served: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    with Nest("sides") as nest:
        ours, original = Ground(served, nest), Ground(served, nest)
        flags = ["--all-namespaces=false", "--key-size=2048", "--kubeclient-qps=100", "--kubeclient-burst=100"]
        original.controller = OriginalController(nest, served, namespace=original.namespace, flags=flags)
        controllers = {"ours": ours.controller.launch(), "original": original.controller.launch()}
        folder = tmp_path_factory.mktemp("sides")
        for name, controller in controllers.items():
            (folder / f"{name}.pem").write_text(controller.certificate())
        yield Sides(ours, original, folder)


def a_secret(ground: Ground, name: str, values: dict[str, bytes]) -> str:
    """A Secret with everything that travels in a template."""
    metadata = {"name": name, "namespace": ground.namespace, "labels": LABELS, "annotations": ANNOTATIONS}
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE, "data": data})


def assert_unsealed(ground: Ground, name: str, values: dict[str, bytes], scope: Scope) -> None:
    ground.wait_synced(name)
    secret = ground.get("secret", name)
    assert {key: base64.b64decode(text) for key, text in secret["data"].items()} == values
    assert secret["type"] == TYPE
    assert secret["metadata"]["labels"] == LABELS
    assert secret["metadata"]["annotations"] == ANNOTATIONS | scope_annotation(scope)


def scope_annotation(scope: Scope) -> dict[str, str]:
    return {} if scope is Scope.STRICT else {f"sealedsecrets.bitnami.com/{scope.flag}": "true"}


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("source", ["file", "http"])
def test_our_controller_unseals_what_kubeseal_sealed(
    sides: Sides, program: Callable[[str], Path], scope: Scope, source: str
) -> None:
    name = f"from-kubeseal-{source}-{scope.flag}"
    address = f"http://127.0.0.1:{sides.ours.controller.port}/v1/cert.pem"
    certificate = {"file": str(sides.folder / "ours.pem"), "http": address}[source]
    sealed = sides.run(
        program("kubeseal"), "--cert", certificate, "--scope", scope.flag, stdin=a_secret(sides.ours, name, VALUES)
    )
    sides.ours.apply(json.loads(sealed))
    assert_unsealed(sides.ours, name, VALUES, scope)


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_original_unseals_what_kseal_sealed(sides: Sides, scope: Scope, form: str) -> None:
    name = f"from-kseal-{form}-{scope.flag}"
    seal = (KSEAL, "seal", "--cert", sides.folder / "original.pem", "--scope", scope.flag, "-o", form)
    sealed = sides.run(*seal, stdin=a_secret(sides.original, name, VALUES))
    sides.original.plane.kubectl("apply", "-f", "-", input=sealed)
    assert_unsealed(sides.original, name, VALUES, scope)


def test_a_value_of_512_kib_passes_both_ways(sides: Sides, program: Callable[[str], Path]) -> None:
    ways: dict[str, tuple[Ground, tuple[str | Path, ...]]] = {
        "ours": (sides.ours, (program("kubeseal"),)),
        "original": (sides.original, (KSEAL, "seal")),
    }
    for certificate, (ground, seal) in ways.items():
        stdin = a_secret(ground, "large", {"blob": LARGE})
        sealed = sides.run(*seal, "--cert", sides.folder / f"{certificate}.pem", stdin=stdin)
        ground.plane.kubectl("create", "-f", "-", input=sealed)  # apply would keep a copy, too large for an annotation
        assert_unsealed(ground, "large", {"blob": LARGE}, Scope.STRICT)


@pytest.mark.parametrize("scope", list(Scope))
def test_kubeseal_opens_offline_what_kseal_sealed_for_our_controller(
    sides: Sides, program: Callable[[str], Path], scope: Scope
) -> None:
    values = VALUES | {"blob": LARGE}
    seal = (KSEAL, "seal", "--cert", sides.folder / "ours.pem", "--scope", scope.flag)
    sealed = sides.run(*seal, stdin=a_secret(sides.ours, "offline", values))
    keys = sides.folder / "keys.yaml"
    selector = "--selector=sealedsecrets.bitnami.com/sealed-secrets-key=active"
    keys.write_text(
        sides.ours.plane.kubectl("get", "secret", selector, "-o", "yaml", namespace=sides.ours.namespace).stdout
    )
    opened = sides.run(program("kubeseal"), "--recovery-unseal", f"--recovery-private-key={keys}", stdin=sealed)
    secret: dict[str, Any] = json.loads(opened)
    # kubeseal writes an empty value as null, which the API server takes for an empty one.
    assert {key: base64.b64decode(text or "") for key, text in secret["data"].items()} == values
    assert secret["metadata"]["annotations"] == ANNOTATIONS | scope_annotation(scope)
