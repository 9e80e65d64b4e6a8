"""`kseal rotate` through a controller that was installed before, the original's included: over the service proxy."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sealer.keys import SealingKey, generate
from sealer.ring import KeyRing
from sealer.scope import Scope
from sealer.sealedsecret import open_items, parse, seal_secret, unseal_secret
from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest
from tests.kit.running import KSEAL, OriginalController, Running, RunningController
from tests.kit.serviceproxy import expose, wait_reachable

pytestmark = [pytest.mark.cluster, pytest.mark.netns]
NAME = "sealed-secrets-controller"


def make_key(age_days: int) -> SealingKey:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=age_days)
    return generate(2048, ttl=timedelta(days=3650), common_name="", now=begun)


def key_secret(key: SealingKey, name: str) -> dict[str, Any]:
    assert key.certificate is not None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}},
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": base64.b64encode(key.certificate.pem).decode(),
            "tls.key": base64.b64encode(key.private_pem().reveal()).decode(),
        },
    }


def sealed(key: SealingKey, name: str, scope: Scope | None = None, **items: str) -> dict[str, Any]:
    raw = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "stringData": items,
    }
    made = seal_secret(raw, key.private_key.public_key(), scope=scope)
    made["metadata"]["labels"] = {"own": "label"}
    made["spec"]["template"]["metadata"]["annotations"] = {"only": "here"}
    return made


@pytest.fixture(params=["original", "ours"])
def installed(request: pytest.FixtureRequest, served: ControlPlane) -> Iterator[tuple[str, Running, KeyRing]]:
    """A controller with two keys, reached by a Service of the usual name: its namespace, its process, its keys."""
    control_plane = served
    namespace = control_plane.create_namespace()
    keys = [make_key(60), make_key(1)]
    items = [key_secret(key, f"sealed-secrets-key{number}") for number, key in enumerate(keys)]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(listed), namespace=namespace)
    with Nest("rotate") as nest:
        running: Running
        flags = ["--all-namespaces=false", "--rate-limit=1000", "--rate-limit-burst=1000"]
        if request.param == "original":
            running = OriginalController(nest, control_plane, namespace=namespace, flags=flags)
        else:
            running = RunningController(nest, control_plane.kubeconfig, namespace=namespace, flags=flags)
        running.command.append(f"--listen-addr=0.0.0.0:{running.port}")
        running.start()
        proxy = expose(control_plane.api, namespace, NAME, running.port)
        wait_reachable(control_plane.api, proxy, "/v1/cert.pem")
        yield namespace, running, KeyRing(keys)


@pytest.fixture
def rotate(
    control_plane: ControlPlane, installed: tuple[str, Running, KeyRing], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [KSEAL, "rotate", "-o", "json", f"--controller-namespace={installed[0]}", *words]
        environ = {
            **os.environ,
            "KUBECONFIG": str(control_plane.kubeconfig),
            "TMPDIR": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        return subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)

    return call


def test_only_ciphertext_is_taken_from_the_answer_and_a_second_run_writes_nothing(
    installed: tuple[str, Running, KeyRing], rotate: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _, _, ring = installed
    new, old = ring
    objects = [
        sealed(old, "strict", password="one", user="two"),
        sealed(old, "wide", Scope.NAMESPACE, password="three"),
        sealed(old, "widest", Scope.CLUSTER, password="four"),
        sealed(new, "new", password="five"),
    ]
    objects[0]["spec"]["template"]["data"] = {"url": "{{ .password }}"}
    objects[1]["spec"]["template"]["metadata"]["annotations"]["sealedsecrets.bitnami.com/cluster-wide"] = "true"
    for made in objects:
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / f"{made['metadata']['name']}.json").write_text(json.dumps(made))
    done = rotate("files")
    assert done.returncode == 0, done.stderr
    for before in objects:
        path = tmp_path / "files" / f"{before['metadata']['name']}.json"
        after = json.loads(path.read_text())
        values = {key: item.value for key, item in open_items(parse(before), ring).items()}
        assert {key: item.value for key, item in open_items(parse(after), KeyRing([new])).items()} == values
        after["spec"]["encryptedData"] = before["spec"]["encryptedData"]
        assert after == before
    written = {path: path.read_bytes() for path in (tmp_path / "files").iterdir()}
    again = rotate("files")
    assert again.returncode == 0, again.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "files").iterdir()} == written
    assert rotate("--dry-run", "files").returncode == 0


def test_what_no_key_opens_is_named_and_the_rest_is_done(
    installed: tuple[str, Running, KeyRing], rotate: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _, _, ring = installed
    _, old = ring
    bad = sealed(make_key(5), "bad", password="x")
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    (tmp_path / "good.json").write_text(json.dumps(sealed(old, "good", password="y")))
    done = rotate("bad.json", "good.json")
    assert done.returncode == 1
    assert "bad.json: line 1: SealedSecret/shop/bad: " in done.stderr
    assert json.loads((tmp_path / "bad.json").read_text()) == bad
    states = {file["path"]: file["objects"][0]["state"] for file in json.loads(done.stdout)["files"]}
    assert states == {"bad.json": "failed", "good.json": "resealed"}


def test_the_deprecated_single_value_stays_one_or_is_left_alone(
    installed: tuple[str, Running, KeyRing], rotate: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """The original would turn it into items; that is not the same object any more."""
    _, running, ring = installed
    new, old = ring
    whole = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}}
    raw = sealed(old, "old", data=json.dumps(whole))
    raw["spec"] = {"data": raw["spec"]["encryptedData"]["data"]}
    (tmp_path / "old.json").write_text(json.dumps(raw))
    done = rotate("old.json")
    after = json.loads((tmp_path / "old.json").read_text())
    if isinstance(running, OriginalController):
        assert (done.returncode, after) == (1, raw)
        assert "would turn the deprecated spec.data into encryptedData" in done.stderr
        assert "kseal rotate -k KEYS" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert after["spec"].keys() == {"data"}
    opened = unseal_secret(parse(after), KeyRing([new])).secret
    assert opened["data"] == {"a": "Yg=="}


def test_a_controller_that_went_away_ends_the_run(
    installed: tuple[str, Running, KeyRing], rotate: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _, running, ring = installed
    text = json.dumps(sealed(ring.newest, "db", password="x"))
    (tmp_path / "db.json").write_text(text)
    running.stop()
    done = rotate("db.json")
    assert done.returncode == 1
    assert "cannot fetch certificate" in done.stderr
    assert (tmp_path / "db.json").read_text() == text


def test_commits_tell_later_runs_what_the_controller_cannot(
    installed: tuple[str, Running, KeyRing], rotate: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _, _, ring = installed
    _, old = ring
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "db.json").write_text(json.dumps(sealed(old, "db", password="x"), indent=2))

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
        return subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message=before")
    for _ in range(2):
        done = rotate("--commit", "clone")
        assert done.returncode == 0, done.stderr
        shutil.rmtree(tmp_path / "state", ignore_errors=True)  # as after each run of a CronJob
    assert git("rev-list", "--count", "HEAD") == "2\n"
