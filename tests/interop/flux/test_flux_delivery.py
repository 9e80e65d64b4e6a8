"""From a commit to the cluster: what a repository and its pair of objects come to, whoever's controllers do it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.deliveries import reference, settings
from tests.kit.flux import Stack
from tests.kit.fluxground import FluxGround
from tests.kit.gitclone import Clone
from tests.kit.gitserver import USER, GitServer
from tests.kit.process import wait_until
from tests.kit.sshserver import SshServer, new_key

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

ALL = ("infrastructure", "web-staging", "web-production")
OWNER = "kustomize.toolkit.fluxcd.io"


@pytest.fixture
def delivered(ground: FluxGround) -> FluxGround:
    """The reference scenario, delivered."""
    ground.begin()
    ground.wait_ready("kustomization", *ALL)
    return ground


def test_base_and_overlays_reach_their_namespaces(delivered: FluxGround) -> None:
    staging, production = delivered.names
    assert delivered.level(staging) == "debug"
    assert delivered.level(production) == "warn"
    image = delivered.web(production)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.example/web:1.0.1"
    ingress = delivered.find(f"/apis/networking.k8s.io/v1/namespaces/{production}/ingresses/web")
    assert ingress is not None
    assert ingress["spec"]["rules"][0]["host"] == "www.example"
    assert delivered.find(f"/api/v1/namespaces/{production}/serviceaccounts/web") is not None
    assert delivered.find(f"/api/v1/namespaces/{staging}/serviceaccounts/web") is None


def test_applied_objects_and_status_say_who_owns_what(delivered: FluxGround) -> None:
    found = delivered.web(delivered.names.staging)
    assert found["metadata"]["labels"] == {
        f"{OWNER}/name": "web-staging",
        f"{OWNER}/namespace": delivered.namespace,
    }
    assert "kustomize-controller" in {one["manager"] for one in found["metadata"]["managedFields"]}
    status = delivered.get("kustomization", "web-staging")["status"]
    name = delivered.names.staging
    assert sorted(status["inventory"]["entries"], key=json.dumps) == [
        {"id": f"{name}_web__Service", "v": "v1"},
        {"id": f"{name}_web_apps_Deployment", "v": "v1"},
        {"id": f"{name}_web_networking.k8s.io_Ingress", "v": "v1"},
    ]


def test_a_commit_reaches_the_cluster(delivered: FluxGround) -> None:
    delivered.repository.edit("apps/web/overlays/staging/level.yaml", "debug", "trace")
    delivered.deliver()
    delivered.wait_ready("kustomization", *ALL)
    assert delivered.level(delivered.names.staging) == "trace"
    assert delivered.level(delivered.names.production) == "warn"


def test_a_removed_file_is_pruned_and_nothing_else(delivered: FluxGround) -> None:
    delivered.repository.remove("infrastructure/quota.yaml")
    delivered.deliver()
    delivered.wait_ready("kustomization", *ALL)
    delivered.wait_gone(f"/api/v1/namespaces/{delivered.names.staging}/resourcequotas/pods")
    assert delivered.level(delivered.names.staging) == "debug"
    assert delivered.find(f"/api/v1/namespaces/{delivered.names.production}") is not None


def test_a_hand_edit_is_repaired_by_the_next_pass(delivered: FluxGround) -> None:
    staging = delivered.names.staging
    change = {
        "spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "LEVEL", "value": "x"}]}]}}}
    }
    delivered.plane.kubectl("patch", "deployment", "web", f"--patch={json.dumps(change)}", namespace=staging)
    delivered.request("kustomization", "web-staging")
    wait_until(lambda: delivered.level(staging) == "debug", "the edit is repaired")


def test_a_deleted_kustomization_takes_what_it_owns_with_it(delivered: FluxGround) -> None:
    delivered.delete("kustomization", "web-staging")
    delivered.wait_gone(delivered.path("kustomization", "web-staging"))
    staging, production = delivered.names
    assert delivered.find(f"/api/v1/namespaces/{staging}/services/web") is None
    assert delivered.find(f"/api/v1/namespaces/{production}/services/web") is not None


def test_waiting_ends_when_what_was_applied_is_healthy(ground: FluxGround, stack: Stack) -> None:
    ground.begin()
    for name in ("web-staging", "web-production"):
        ground.patch("kustomization", name, {"spec": {"wait": True, "timeout": "1m"}})
    ground.wait_ready("kustomization", *ALL)
    conditions = {one["type"]: one for one in ground.get("kustomization", "web-staging")["status"]["conditions"]}
    assert conditions["Healthy"]["status"] == "True", stack.log
    assert ground.web(ground.names.staging)["status"]["readyReplicas"] == 1


def test_a_repository_behind_a_password_is_fetched_with_it(
    stack: Stack, new_ground: Callable[..., FluxGround], tmp_path: Path
) -> None:
    (tmp_path / "closed").mkdir()
    with GitServer(tmp_path / "closed", password="open-sesame") as server:
        ground = new_ground(server)
        ground.begin()
        ground.wait_failed("gitrepository", "fleet")
        ground.give_secret("login", {"username": USER, "password": server.password})
        ground.patch("gitrepository", "fleet", {"spec": {"secretRef": {"name": "login"}}})
        ground.wait_ready("kustomization", *ALL)
        ground.suspend()


def test_a_repository_is_fetched_over_ssh(stack: Stack, new_ground: Callable[..., FluxGround], tmp_path: Path) -> None:
    key = new_key(tmp_path / "deploy")
    (tmp_path / "closed").mkdir()
    with SshServer(tmp_path / "closed") as server:
        server.let_in(key.with_suffix(".pub").read_text())
        ground = new_ground(server)
        ground.give_secret("key", {"identity": key.read_text(), "known_hosts": server.known_hosts})
        ground.begin()
        ground.patch("gitrepository", "fleet", {"spec": {"secretRef": {"name": "key"}}})
        ground.wait_ready("kustomization", *ALL)
        ground.repository.edit("apps/web/overlays/staging/level.yaml", "debug", "trace")
        ground.deliver()
        ground.wait_ready("kustomization", *ALL)
        assert ground.level(ground.names.staging) == "trace"
        ground.suspend()


def test_what_sops_encrypted_arrives_in_plain(ground: FluxGround, tmp_path: Path) -> None:
    (tmp_path / "sops").mkdir()
    clone = Clone(tmp_path / "sops")

    def encrypt(path: str, plain: str) -> str:
        clone.encrypted(path, plain, "--encrypted-regex=^data$")
        return clone.read(path)

    ground.give_secret("age", {"identity.agekey": str(clone.identity)})
    decryption = {"provider": "sops", "secretRef": {"name": "age"}}
    ground.begin(reference(ground.names, encrypt=encrypt), decryption=decryption)
    ground.wait_ready("kustomization", *ALL)
    secret = ground.find(f"/api/v1/namespaces/{ground.names.staging}/secrets/settings")
    assert secret is not None
    assert base64.b64decode(secret["data"]["password"]) == b"hunter2"


def test_what_sops_encrypted_is_never_applied_as_it_is(ground: FluxGround, tmp_path: Path) -> None:
    (tmp_path / "sops").mkdir()
    clone = Clone(tmp_path / "sops")
    clone.encrypted("settings.yaml", settings(ground.names), "--encrypted-regex=^data$")
    ground.begin({**reference(ground.names), "infrastructure/settings.yaml": clone.read("settings.yaml")})
    ground.wait_failed("kustomization", "infrastructure", containing="SOPS encrypted")
    assert ground.find(f"/api/v1/namespaces/{ground.names.staging}") is None


def test_a_broken_commit_changes_nothing_and_is_told(delivered: FluxGround) -> None:
    delivered.repository.write("apps/web/overlays/staging/level.yaml", "kind: [\n")
    delivered.deliver()
    delivered.wait_failed("kustomization", "web-staging", containing="level.yaml")
    assert delivered.level(delivered.names.staging) == "debug"
    condition = delivered.ready("kustomization", "web-staging")
    assert condition["reason"] == "BuildFailed"
