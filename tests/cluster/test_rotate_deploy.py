"""The scheduled rotation: what its account may do, and that the command of its Pod does the work as that account."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sealer.keys import SealingKey, generate
from sealer.keysecret import raw_secret
from sealer.ring import KeyRing
from sealer.sealedsecret import open_items, parse, seal_secret
from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.gitserver import USER, GitServer
from tests.kit.process import Nest
from tests.kit.running import KSEAL, RunningController
from tests.kit.serviceproxy import expose, wait_reachable
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster
FOLDER = ROOT / "deploy" / "rotation"
ACCOUNT = "system:serviceaccount:kseal-rotation:kseal-rotation"


def make_key(age_days: int) -> SealingKey:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=age_days)
    return generate(2048, ttl=timedelta(days=365), common_name="", now=begun)


def pod() -> dict[str, Any]:
    cronjob = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    spec: dict[str, Any] = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_the_account_reaches_the_controller_and_reads_no_secret(control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "-k", str(FOLDER))

    def may(verb: str, what: str, namespace: str) -> bool:
        words = ("auth", "can-i", verb, what, f"--as={ACCOUNT}", f"--namespace={namespace}", "--quiet")
        return control_plane.kubectl(*words, check=False).returncode == 0

    for namespace in ("kube-system", "kseal-rotation", "default"):
        for verb in ("get", "list", "watch", "create", "update", "patch", "delete"):
            assert not may(verb, "secrets", namespace), (verb, namespace)
            assert not may(verb, "sealedsecrets.bitnami.com", namespace), (verb, namespace)
        assert not may("create", "pods", namespace)
        assert not may("create", "serviceaccounts/token", namespace)
    for name in ("http:sealed-secrets-controller:", "http:sealed-secrets-controller:http"):
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": ACCOUNT,
                "resourceAttributes": {
                    "verb": "create",
                    "resource": "services",
                    "subresource": "proxy",
                    "namespace": "kube-system",
                    "name": name,
                },
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        assert control_plane.api.json("POST", path, review)["status"]["allowed"] is True


def test_the_pod_keeps_to_the_restricted_profile_and_the_image_has_git() -> None:
    (container,) = pod()["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod()["securityContext"]["runAsNonRoot"] is True
    image = (FOLDER / "Dockerfile").read_text()
    assert f"-t {container['image']} ." in image
    assert " git openssh-client" in image


@pytest.mark.netns
def test_the_command_of_the_pod_rotates_a_repository_as_its_account(
    new_control_plane: Callable[..., ControlPlane], tmp_path: Path
) -> None:
    plane = new_control_plane("api")
    plane.kubectl("apply", "-k", str(FOLDER))
    plane.kubectl("apply", "-k", str(ROOT / "deploy" / "crds"))
    old, new = make_key(60), make_key(1)
    items = [raw_secret(key, name, "kube-system") for key, name in ((old, "old"), (new, "new"))]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    plane.kubectl("apply", "-f", "-", input=json.dumps(listed))
    raw = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop"},
        "stringData": {"password": "x"},
    }
    sealed = seal_secret(raw, old.private_key.public_key())
    (tmp_path / "served").mkdir()
    (tmp_path / "git").mkdir()
    (tmp_path / "git" / "username").write_text(USER)
    (tmp_path / "git" / "password").write_text("a deploy token")
    with GitServer(tmp_path / "served", password="a deploy token") as server, Nest("rotation") as nest:
        url = server.repository("clusters")
        bare = server.folder / "clusters.git"
        _publish(tmp_path / "clone", bare, yaml.safe_dump(sealed))
        controller = RunningController(nest, plane.kubeconfig, namespace="kube-system")
        controller.command.append(f"--listen-addr=0.0.0.0:{controller.port}")
        controller.start()
        proxy = expose(plane.api, "kube-system", "sealed-secrets-controller", controller.port)
        wait_reachable(plane.api, proxy, "/v1/cert.pem")
        (container,) = pod()["containers"]
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        variables |= {"REPOSITORY": url, "HOME": str(tmp_path)}
        words = [*container["command"], *container["args"]]
        for name, value in variables.items():
            words = [word.replace(f"$({name})", value) for word in words]
        words = [word.replace("/etc/kseal/git", str(tmp_path / "git")) for word in words]
        account = plane.account("kseal-rotation", "kseal-rotation")
        environ = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(account.kubeconfig),
            "TMPDIR": str(tmp_path),
            **variables,
        }
        for _ in range(2):
            done = subprocess.run(
                [KSEAL, *words[1:]], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        assert _git(bare, "rev-list", "--count", variables["BRANCH"]) == "2\n"
        after = yaml.safe_load(_git(bare, "show", f"{variables['BRANCH']}:db.yaml"))
    assert open_items(parse(after), KeyRing([new]))["password"].value == b"x"


def _git(folder: Path, *words: str) -> str:
    command = [real.require("git"), "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def _publish(clone: Path, bare: Path, text: str) -> None:
    clone.mkdir()
    (clone / "db.yaml").write_text(text)
    _git(clone, "init", "--quiet", "--initial-branch=main")
    _git(clone, "add", ".")
    _git(clone, "commit", "--quiet", "--message=before")
    _git(clone, "push", "--quiet", str(bare), "main")
