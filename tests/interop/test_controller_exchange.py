"""Each controller takes over from the other on the same keys: nothing that is right is written, and both say the same.

One namespace, one key; the controllers take turns.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground
from tests.kit.process import Nest, wait_until
from tests.kit.running import OriginalController, Running

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

_SECRETS = "/api/v1/namespaces/{}/secrets"
_SEALED_SECRETS = "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets"
_ANNOTATION = "sealedsecrets.bitnami.com"
_TEMPLATE = {"labels": {"app": "shop"}, "annotations": {"note": "für alle ✓"}}
# Of an object, these say which one it is and when it was made, not what it holds.
_IDENTITY = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace")


class Turns(NamedTuple):
    """One namespace, and both controllers for it, of which one runs at a time."""

    ground: Ground
    ours: Running
    original: Running

    def take_over(self, controller: Running) -> None:
        """End the other one, and let this one look at every SealedSecret."""
        self.ground.controller.stop()
        self.ground.controller = controller.start()
        self.wait_settled()

    def wait_settled(self) -> None:
        """Wait until the running controller has looked at every SealedSecret there is, a new one included."""
        count = len(listed(self.ground, _SEALED_SECRETS))
        self.ground.apply(self.ground.sealed(f"marker-{count}", {"a": b"1"}))
        self.ground.wait_synced(f"marker-{count}")
        wait_until(lambda: self._looked_at() > count, "all are looked at")

    def _looked_at(self) -> int:
        metric = "sealed_secrets_controller_unseal_requests_total "
        lines = [line for line in self.ground.controller.metrics().splitlines() if line.startswith(metric)]
        return int(float(lines[0].split()[1])) if lines else 0


@pytest.fixture(scope="module")
def turns(served: ControlPlane) -> Iterator[Turns]:
    """The original is there first and makes the key, as in a cluster that moves to kseal."""
    with Nest("turns") as nest:
        ground = Ground(served, nest)
        flags = ["--all-namespaces=false", "--key-size=2048", "--kubeclient-qps=100", "--kubeclient-burst=100"]
        original = OriginalController(nest, served, namespace=ground.namespace, flags=flags)
        turns = Turns(ground, ground.controller, original)
        ground.controller = original.start()
        yield turns


def situations(ground: Ground, prefix: str) -> dict[str, str]:
    """SealedSecrets in each situation, applied; by situation, the Synced status that it ends in."""
    secrets = {
        "unmanaged": {},
        "managed": {f"{_ANNOTATION}/managed": "true", "theirs": "1"},
        "patched": {f"{_ANNOTATION}/patch": "true", "theirs": "1"},
        "patched-and-managed": {f"{_ANNOTATION}/patch": "true", f"{_ANNOTATION}/managed": "true"},
    }
    for name, annotations in secrets.items():
        metadata = {"name": f"{prefix}-{name}", "namespace": ground.namespace, "annotations": annotations}
        raw = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "theirs", "b": "theirs"}}
        ground.plane.kubectl("create", "-f", "-", input=json.dumps(raw))
    for name in secrets:
        ground.apply(ground.sealed(f"{prefix}-{name}", {"a": b"ours"}, template=_TEMPLATE))
    ground.apply(
        ground.sealed(f"{prefix}-plain", {"a": b"1", "empty": b"", "binary": b"\xff\0"}, template=_TEMPLATE),
        ground.sealed(f"{prefix}-typed", {"username": b"a", "password": b"b"}, type="kubernetes.io/basic-auth"),
        ground.sealed(f"{prefix}-immutable", {"a": b"1"}, immutable=True),
        _of_another_name(ground, f"{prefix}-undecryptable"),
        _of_broken_text(ground, f"{prefix}-broken"),
    )
    failing = {"unmanaged", "undecryptable", "broken"}
    every = [*secrets, "plain", "typed", "immutable", "undecryptable", "broken"]
    return {name: "False" if name in failing else "True" for name in every}


def _of_another_name(ground: Ground, name: str) -> dict[str, Any]:
    sealed = ground.sealed("somebody", {"a": b"1"})
    sealed["spec"]["encryptedData"] = {"a": sealed["spec"]["encryptedData"]["a"]}  # the original orders many at random
    for metadata in (sealed["metadata"], sealed["spec"]["template"]["metadata"]):
        metadata["name"] = name
    return sealed


def _of_broken_text(ground: Ground, name: str) -> dict[str, Any]:
    sealed = ground.sealed(name, {"a": b"1"})
    sealed["spec"]["encryptedData"] = {"a": base64.b64encode(b"short").decode()}
    return sealed


class Facts(NamedTuple):
    """What came of a SealedSecret, without what names the object or tells the time."""

    secret: dict[str, Any] | None
    condition: dict[str, Any]


def facts(ground: Ground, prefix: str, names: dict[str, str]) -> dict[str, Facts]:
    """By situation."""
    secrets, sealed = listed(ground, _SECRETS), listed(ground, _SEALED_SECRETS)
    found = {}
    for name in names:
        secret, owner = secrets.get(f"{prefix}-{name}"), sealed[f"{prefix}-{name}"]
        for field in _IDENTITY if secret else ():
            secret["metadata"].pop(field, None)
        condition = {field: value for field, value in synced(owner).items() if not field.endswith("Time")}
        text = json.dumps([secret, condition]).replace(f"{prefix}-{name}", "NAME")
        found[name] = Facts(*json.loads(text.replace(owner["metadata"]["uid"], "OWNER")))
    return found


def wait_decided(ground: Ground, prefix: str, names: dict[str, str]) -> None:
    """Wait until each SealedSecret has come to the status that its situation leads to."""

    def is_decided() -> bool:
        sealed = listed(ground, _SEALED_SECRETS)
        return {name: synced(sealed[f"{prefix}-{name}"]).get("status") for name in names} == names

    wait_until(is_decided, f"{prefix} are all decided")


def synced(sealed: dict[str, Any]) -> dict[str, Any]:
    """The Synced condition of the present generation; empty while there is none."""
    status = sealed.get("status") or {}
    if status.get("observedGeneration") != sealed["metadata"]["generation"]:
        return {}
    return next((one for one in status["conditions"] if one["type"] == "Synced"), {})


def listed(ground: Ground, path: str) -> dict[str, dict[str, Any]]:
    """The objects of a kind by name."""
    items = ground.plane.api.json("GET", path.format(ground.namespace))["items"]
    return {item["metadata"]["name"]: item for item in items}


def versions(ground: Ground, path: str, prefixes: Sequence[str]) -> dict[str, str]:
    """The resource version of each object of a kind by its name."""
    found = listed(ground, path)
    return {name: one["metadata"]["resourceVersion"] for name, one in found.items() if name.split("-")[0] in prefixes}


def test_the_controllers_take_over_from_each_other(turns: Turns) -> None:
    ground = turns.ground
    names = situations(ground, "first")
    wait_decided(ground, "first", names)
    by_the_original = facts(ground, "first", names)
    secrets, sealed = (versions(ground, path, ["first"]) for path in (_SECRETS, _SEALED_SECRETS))

    turns.take_over(turns.ours)
    assert versions(ground, _SECRETS, ["first"]) == secrets, "our controller wrote to a Secret that was right"
    assert versions(ground, _SEALED_SECRETS, ["first"]) == sealed, "our controller wrote a status that was right"
    assert situations(ground, "second") == names
    wait_decided(ground, "second", names)
    by_ours = facts(ground, "second", names)
    assert by_ours == by_the_original

    secrets = versions(ground, _SECRETS, ["first", "second"])
    turns.take_over(turns.original)
    assert versions(ground, _SECRETS, ["first", "second"]) == secrets
    assert facts(ground, "second", names) == by_ours
