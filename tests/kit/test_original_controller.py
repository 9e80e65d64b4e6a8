"""The original's controller and command line run here as in a cluster, so that kseal can be held against them."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest, wait_until
from tests.kit.running import OriginalController

pytestmark = [pytest.mark.cluster, pytest.mark.interop]


def test_the_original_unseals_what_the_original_sealed(
    control_plane: ControlPlane, namespace: str, program: Callable[[str], Path]
) -> None:
    with Nest("original") as nest:
        # Its own namespace only: it would first work off what other tests left, at five requests a second.
        flags = ["--all-namespaces=false", "--key-size=2048"]
        original = OriginalController(nest, control_plane, namespace=namespace, flags=flags).start()
        (nest.folder / "cert.pem").write_text(original.certificate())
        secret = control_plane.kubectl(
            "create", "secret", "generic", "db", "--from-literal=password=of the sea", "--dry-run=client", "-ojson"
        ).stdout
        (nest.folder / "secret.json").write_text(secret)
        seal: list[str | Path] = [program("kubeseal"), f"--cert={nest.folder}/cert.pem", f"--namespace={namespace}"]
        sealing = nest.start("kubeseal", [*seal, f"--secret-file={nest.folder}/secret.json"])
        assert sealing.wait() == 0
        control_plane.kubectl("apply", "--filename=-", input=sealing.log.read_text(), namespace=namespace)
        path = f"/api/v1/namespaces/{namespace}/secrets/db"
        wait_until(lambda: control_plane.api.answers(path), "the Secret is unsealed")
        assert control_plane.api.json("GET", path)["data"] == {"password": base64.b64encode(b"of the sea").decode()}
        assert json.loads(sealing.log.read_text())["kind"] == "SealedSecret"
