"""Under lock-down the controller dials no address that a tenant must not reach, and shows none of its secrets."""

import base64
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.kit import kubeconfig
from tests.kit.deliveries import git_repository
from tests.kit.gitclone import Clone
from tests.kit.gitserver import USER, GitServer
from tests.kit.leaks import Canary, Place, assert_absent
from tests.kit.process import wait_until
from tests.kit.tenants import LockedDown, Tenant, Tripwire, config_map, untouched
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster

REFUSED = "may not be dialled"
METADATA = "169.254.169.254"
EXTERNAL = "/apis/source.toolkit.fluxcd.io/v1/namespaces"


@pytest.fixture
def wire() -> Iterator[Tripwire]:
    with untouched() as one:
        yield one


@pytest.fixture
def redirecting(wire: Tripwire) -> Iterator[str]:
    """An allowed server that sends everybody to a forbidden one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://{wire.host}{self.path}")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name is the method's

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    "url",
    [
        "http://{wire}/x.git",
        "https://{wire}/x.git",
        "ssh://git@{wire}/x.git",
        "http://[::ffff:127.0.0.2]:{port}/x.git",
        "http://2130706434:{port}/x.git",
        "http://0x7f000002:{port}/x.git",
        f"http://{METADATA}/latest/meta-data.git",
        "http://[fd00:ec2::254]/latest/meta-data.git",
    ],
)
def test_a_repository_at_a_forbidden_address_is_not_asked(tenant: Tenant, wire: Tripwire, url: str) -> None:
    tenant.give_secret("key", {"identity": "none", "known_hosts": "none", "username": "a", "password": "b"})
    repository = git_repository(tenant.repository, tenant.namespace)
    repository["spec"]["url"] = url.format(wire=wire.host, port=wire.port)
    if not url.startswith("ssh"):
        tenant.apply(repository)
        assert REFUSED in tenant.wait_failed("gitrepository", "fleet")
    else:
        repository["spec"]["secretRef"] = {"name": "key"}
        tenant.apply(repository)
        tenant.wait_failed("gitrepository", "fleet")


def test_a_redirect_to_a_forbidden_address_is_not_followed(tenant: Tenant, redirecting: str) -> None:
    repository = git_repository(tenant.repository, tenant.namespace)
    repository["spec"]["url"] = f"{redirecting}/x.git"
    tenant.apply(repository)
    tenant.wait_failed("gitrepository", "fleet")


def test_a_proxy_at_a_forbidden_address_is_not_asked(tenant: Tenant, wire: Tripwire) -> None:
    tenant.push({"app/one.yaml": config_map("one")})
    tenant.give_secret("proxy", {"address": f"http://{wire.host}"})
    tenant.apply(git_repository(tenant.repository, tenant.namespace, proxySecretRef={"name": "proxy"}))
    tenant.wait_failed("gitrepository", "fleet")


@pytest.mark.parametrize("by_redirect", [False, True])
def test_an_artifact_at_a_forbidden_address_is_not_fetched(
    tenant: Tenant, wire: Tripwire, redirecting: str, by_redirect: bool
) -> None:
    path = f"externalartifact/{tenant.namespace}/loot/x.tar.gz"
    artifact = {
        "path": path,
        "url": f"{redirecting if by_redirect else f'http://{wire.host}'}/{path}",
        "revision": "main@sha1:x",
        "digest": f"sha256:{'0' * 64}",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
    }
    kind = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact"}
    tenant.apply({**kind, "metadata": {"name": "loot", "namespace": tenant.namespace}, "spec": {}})
    at = f"{EXTERNAL}/{tenant.namespace}/externalartifacts/loot/status"
    patch = {"status": {"artifact": artifact}}
    tenant.plane.api.text("PATCH", at, patch, content_type="application/merge-patch+json")
    tenant.apply(tenant.app(sourceRef={"kind": "ExternalArtifact", "name": "loot"}))
    tenant.wait_failed("kustomization", "app")


@pytest.mark.parametrize("server", ["https://{wire}", f"https://{METADATA}", "https://[::ffff:127.0.0.2]:{port}"])
def test_a_cluster_at_a_forbidden_address_is_not_asked(tenant: Tenant, wire: Tripwire, server: str) -> None:
    told = server.format(wire=wire.host, port=wire.port)
    path = kubeconfig.write(tenant.repository.folder / "config", told, tenant.plane.ca, kubeconfig.by_token("x"))
    tenant.give_secret("cluster", {"value": path.read_text()})
    path.unlink()
    tenant.deliver_files({"one.yaml": config_map("one")}, kubeConfig={"secretRef": {"name": "cluster"}})
    assert REFUSED in tenant.wait_failed("kustomization", "app")


def sealed_by(**keys: Any) -> str:
    """A SOPS file that names these keys; nobody can open it, but who tries has to ask."""
    encrypted = f"ENC[AES256_GCM,data:AAAA,iv:{'A' * 43}=,tag:{'A' * 22}==,type:str]"
    raw = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "settings"},
        "data": {"password": encrypted},
        "sops": {
            **keys,
            "lastmodified": "2026-01-01T00:00:00Z",
            "mac": encrypted,
            "encrypted_regex": "^data$",
            "version": "3.9.0",
        },
    }
    return json.dumps(raw)


def test_a_server_of_vault_that_a_file_names_is_not_asked(tenant: Tenant, wire: Tripwire) -> None:
    named = {"engine_path": "sops", "key_name": "k", "created_at": "2026-01-01T00:00:00Z", "enc": "vault:v1:AAAA"}
    tenant.give_secret("keys", {"sops.vault-token": "token"})
    decryption = {"provider": "sops", "secretRef": {"name": "keys"}}
    file = sealed_by(hc_vault=[{"vault_address": f"http://{wire.host}", **named}])
    tenant.deliver_files({"settings.yaml": file}, decryption=decryption)
    assert "not allowed" in tenant.wait_failed("kustomization", "app")


def test_a_key_vault_outside_azure_that_a_file_names_is_not_asked(tenant: Tenant, wire: Tripwire) -> None:
    named = {"name": "k", "version": "1", "created_at": "2026-01-01T00:00:00Z", "enc": "AAAA"}
    login = {"tenantId": "t", "clientId": "c", "clientSecret": "s"}
    tenant.give_secret("keys", {"sops.azure-kv": json.dumps(login)})
    decryption = {"provider": "sops", "secretRef": {"name": "keys"}}
    file = sealed_by(azure_kv=[{"vault_url": f"https://{wire.host}", **named}])
    tenant.deliver_files({"settings.yaml": file}, decryption=decryption)
    tenant.wait_failed("kustomization", "app")


def test_a_cluster_that_never_answers_holds_up_nobody_else(new_tenant: Callable[[], Tenant]) -> None:
    slow, other = new_tenant(), new_tenant()
    with Tripwire("127.0.0.1") as silent:
        path = kubeconfig.write(
            slow.repository.folder / "config", f"https://{silent.host}", slow.plane.ca, kubeconfig.by_token("x")
        )
        slow.give_secret("cluster", {"value": path.read_text()})
        path.unlink()
        slow.push({"app/one.yaml": config_map("one")})
        slow.apply(git_repository(slow.repository, slow.namespace))
        slow.wait_ready("gitrepository", "fleet")
        remote = {"secretRef": {"name": "cluster"}}
        slow.apply(*(slow.app(f"app-{number}", kubeConfig=remote) for number in range(12)))
        wait_until(lambda: silent.touched > 0, "the silent cluster is asked")
        other.deliver_files({"one.yaml": config_map("one")})
        wait_until(lambda: other.config_map("one") is not None, "the other one is served", limit_seconds=8)
        slow.suspend()


def test_no_secret_is_shown_to_anybody(
    locked_down: LockedDown, new_tenant: Callable[[], Tenant], tmp_path: Path
) -> None:
    """All kinds of secrets, in deliveries that go well and in those that fail."""
    tenant, canary = new_tenant(), Canary()
    word = canary.core
    (tmp_path / "sops").mkdir()
    clone = Clone(tmp_path / "sops")
    plain = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: settings\nstringData:\n  password: {word}\n"
    clone.encrypted("settings.yaml", plain, "--encrypted-regex=^stringData$")
    encrypted = clone.read("settings.yaml")
    tenant.give_secret("age", {"identity.agekey": str(clone.identity)})
    tenant.give_secret("values", {"value": word, "broken": f"{word}: [", "number": f"{word}\t"})
    tenant.give_secret("login", {"username": USER, "password": word})
    config = kubeconfig.write(tmp_path / "config", "https://127.0.0.1:1", tenant.plane.ca, kubeconfig.by_token(word))
    tenant.give_secret("cluster", {"value": config.read_text()})
    tenant.give_secret("no-cluster", {"value": f"{word}: ["})
    decryption = {"provider": "sops", "secretRef": {"name": "age"}}
    taken = {"substituteFrom": [{"kind": "Secret", "name": "values"}]}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    tenant.push(
        {
            "good/settings.yaml": encrypted,
            "refused/settings.yaml": encrypted.replace("name: settings", "name: settings\n  namespace: kube-system"),
            "invalid/settings.yaml": encrypted.replace("name: settings", "name: NOT_VALID"),
            "twice/settings.yaml": encrypted,
            "twice/again.yaml": encrypted,
            "substituted/s.yaml": json.dumps({**secret, "stringData": {"value": "${value}"}}),
            "broken/s.yaml": json.dumps({**secret, "stringData": {"value": "${broken}"}})
            .replace('"${', "${")
            .replace('}"}', "}}"),
            "data/s.yaml": json.dumps({**secret, "data": {"value": "${value}"}}),
            "immutable/s.yaml": json.dumps(
                {**secret, "type": "kubernetes.io/tls", "stringData": {"tls.crt": "${value}"}}
            ),
            "remote/s.yaml": config_map("one"),
        }
    )
    tenant.apply(git_repository(tenant.repository, tenant.namespace))
    tenant.wait_ready("gitrepository", "fleet")
    build: dict[str, dict[str, Any]] = {
        name: {"decryption": decryption} for name in ("good", "refused", "invalid", "twice")
    }
    build |= {name: {"postBuild": taken} for name in ("substituted", "broken", "data", "immutable")}
    build["refused"]["targetNamespace"] = None
    apps: list[Any] = [tenant.app(name, f"./{name}", **spec) for name, spec in build.items()]
    apps += [
        tenant.app(name, "./remote", kubeConfig={"secretRef": {"name": name}}) for name in ("cluster", "no-cluster")
    ]
    tenant.apply(*apps)
    for good in ("good", "substituted"):
        tenant.wait_ready("kustomization", good)
    for app in apps:
        if app["metadata"]["name"] not in ("good", "substituted", "broken"):
            tenant.wait_failed("kustomization", app["metadata"]["name"])
    found = tenant.find(f"/api/v1/namespaces/{tenant.namespace}/secrets/settings")
    assert found is not None
    assert base64.b64decode(found["data"]["password"]).decode() == word
    (tmp_path / "closed").mkdir()
    with GitServer(tmp_path / "closed", password="another") as closed:
        url = WorkCopy(closed, tmp_path / "copy", "closed").url
        locked = git_repository(tenant.repository, tenant.namespace, "closed", secretRef={"name": "login"})
        locked["spec"]["url"] = url
        tenant.apply(locked)
        tenant.wait_failed("gitrepository", "closed")
    assert_absent([*locked_down.shown(), metrics_of(locked_down)], canary)


def metrics_of(one: LockedDown) -> Place:
    port = one.lines("listening")[-1]["metrics_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return Place("metrics", answer.read())
