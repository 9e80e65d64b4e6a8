"""Our definitions of Flux's kinds and Flux's own accept, refuse, complete and keep the same objects.

Each is served under a group of its own on a real API server, so that both can stand side by side.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from controller.api.schema import FOLDER
from tests.kit import real
from tests.kit.apicalls import Refused
from tests.kit.controlplane import ControlPlane
from tests.kit.definitions import without_descriptions
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MODULES = {
    "source.toolkit.fluxcd.io_gitrepositories": "source-controller",
    "source.toolkit.fluxcd.io_externalartifacts": "source-controller",
    "kustomize.toolkit.fluxcd.io_kustomizations": "kustomize-controller",
}


def git(**spec: Any) -> dict[str, Any]:
    return {"spec": {"url": "https://git.example.com/fleet.git", "interval": "1m", **spec}}


def kustomization(**spec: Any) -> dict[str, Any]:
    source = {"kind": "GitRepository", "name": "fleet"}
    return {"spec": {"interval": "5m", "prune": True, "sourceRef": source, **spec}}


_TIME = "2026-01-02T03:04:05Z"
_ARTIFACT = {"path": "p", "url": "u", "revision": "r", "digest": "sha256:ab", "lastUpdateTime": _TIME, "size": 3}
_CONDITION = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": _TIME}

OBJECTS: dict[str, dict[str, Any]] = {
    "source.toolkit.fluxcd.io_gitrepositories": {
        "smallest": git(),
        "without spec": {},
        "without url": {"spec": {"interval": "1m"}},
        "without interval": {"spec": {"url": "https://git.example.com/fleet.git"}},
        "scp address": git(url="git@git.example.com:fleet.git"),
        "file address": git(url="file:///srv/fleet.git"),
        "ssh address": git(url="ssh://git@git.example.com/fleet.git"),
        "interval of days": git(interval="1d"),
        "interval of hours and minutes": git(interval="1h30m"),
        "interval of a fraction": git(interval="1.5h"),
        "interval a number": git(interval=60),
        "timeout of hours": git(timeout="1h"),
        "timeout of minutes": git(timeout="2m"),
        "ref whole": git(
            ref={"branch": "main", "tag": "v1", "semver": ">=1", "name": "refs/pull/1/head", "commit": "a"}
        ),
        "ref unknown field": git(ref={"sha": "a"}),
        "provider of clouds": git(provider="azure", serviceAccountName="robot"),
        "account without provider": git(serviceAccountName="robot"),
        "provider unknown": git(provider="gitlab"),
        "verify without mode": git(verify={"secretRef": {"name": "keys"}}),
        "verify head": git(verify={"mode": "head", "secretRef": {"name": "keys"}}),
        "verify both": git(verify={"mode": "TagAndHEAD", "secretRef": {"name": "keys"}}),
        "verify unknown mode": git(verify={"mode": "all", "secretRef": {"name": "keys"}}),
        "verify without keys": git(verify={"mode": "HEAD"}),
        "secrets": git(secretRef={"name": "login"}, proxySecretRef={"name": "proxy"}),
        "secret without name": git(secretRef={}),
        "secret with namespace": git(secretRef={"name": "login", "namespace": "other"}),
        "ignore, sparse, suspend": git(ignore="/*\n!/deploy\n", sparseCheckout=["./apps", "infra"], suspend=True),
        "submodules": git(recurseSubmodules=True),
        "includes": git(
            include=[{"repository": {"name": "a"}}, {"repository": {"name": "b"}, "fromPath": "x", "toPath": "y"}]
        ),
        "include without repository": git(include=[{"fromPath": "x"}]),
        "unknown field": git(gitImplementation="go-git"),
        "status at creation": {**git(), "status": {"observedGeneration": 5}},
    },
    "source.toolkit.fluxcd.io_externalartifacts": {
        "empty": {},
        "whole": {"spec": {"sourceRef": {"apiVersion": "a/v1", "kind": "Thing", "name": "t", "namespace": "n"}}},
        "without name": {"spec": {"sourceRef": {"kind": "Thing"}}},
        "unknown field": {"spec": {"url": "u"}},
    },
    "kustomize.toolkit.fluxcd.io_kustomizations": {
        "smallest": kustomization(),
        "without spec": {},
        "without prune": {"spec": {"interval": "5m", "sourceRef": {"kind": "GitRepository", "name": "fleet"}}},
        "source of unknown kind": kustomization(sourceRef={"kind": "HelmChart", "name": "x"}),
        "source elsewhere": kustomization(
            sourceRef={
                "kind": "OCIRepository",
                "name": "x",
                "namespace": "y",
                "apiVersion": "source.toolkit.fluxcd.io/v1",
            }
        ),
        "durations": kustomization(retryInterval="30s", timeout="1h"),
        "duration of nothing": kustomization(timeout=""),
        "policies": kustomization(deletionPolicy="WaitForTermination", force=True, wait=True, suspend=False),
        "policy unknown": kustomization(deletionPolicy="Keep"),
        "force null": kustomization(force=None),
        "namespace too long": kustomization(targetNamespace="n" * 64),
        "namespace empty": kustomization(targetNamespace=""),
        "affixes": kustomization(namePrefix="a-", nameSuffix="-z"),
        "prefix too long": kustomization(namePrefix="a" * 201),
        "patches": kustomization(
            patches=[{"patch": "- op: remove\n  path: /spec", "target": {"kind": "Deployment", "labelSelector": "a=b"}}]
        ),
        "patch without patch": kustomization(patches=[{"target": {"kind": "Deployment"}}]),
        "images": kustomization(images=[{"name": "web", "newName": "w", "newTag": "1", "digest": "sha256:ab"}]),
        "image without name": kustomization(images=[{"newTag": "1"}]),
        "components": kustomization(components=["../c"], ignoreMissingComponents=True),
        "build metadata": kustomization(buildMetadata=["originAnnotations"]),
        "build metadata unknown": kustomization(buildMetadata=["managedByLabel"]),
        "substitutions": kustomization(
            postBuild={
                "substitute": {"a": "b"},
                "substituteFrom": [
                    {"kind": "ConfigMap", "name": "c"},
                    {"kind": "Secret", "name": "s", "optional": True},
                ],
                "substituteStrategy": "Always",
            }
        ),
        "substitution of numbers": kustomization(postBuild={"substitute": {"a": 1}}),
        "substitution from a pod": kustomization(postBuild={"substituteFrom": [{"kind": "Pod", "name": "p"}]}),
        "decryption": kustomization(
            decryption={"provider": "sops", "secretRef": {"name": "k"}, "serviceAccountName": "a"}
        ),
        "decryption unknown": kustomization(decryption={"provider": "vault"}),
        "kubeconfig of a secret": kustomization(kubeConfig={"secretRef": {"name": "k", "key": "v"}}),
        "kubeconfig of both": kustomization(kubeConfig={"secretRef": {"name": "k"}, "configMapRef": {"name": "k"}}),
        "kubeconfig of neither": kustomization(kubeConfig={}),
        "dependencies": kustomization(dependsOn=[{"name": "a"}, {"name": "b", "namespace": "n", "readyExpr": "true"}]),
        "health": kustomization(
            healthChecks=[{"kind": "Deployment", "name": "web"}],
            healthCheckExprs=[{"apiVersion": "a/v1", "current": "true", "failed": "false"}],
        ),
        "health without current": kustomization(healthCheckExprs=[{"apiVersion": "a/v1"}]),
        "ignore": kustomization(ignore=[{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]),
        "ignore without paths": kustomization(ignore=[{"target": {"kind": "Deployment"}}]),
        "common metadata": kustomization(commonMetadata={"labels": {"a": "b"}, "annotations": {"c": "d"}}),
        "unknown field": kustomization(validation="client"),
    },
}

STATUSES: dict[str, dict[str, Any]] = {
    "source.toolkit.fluxcd.io_gitrepositories": {
        "whole": {
            "observedGeneration": 1,
            "conditions": [{**_CONDITION, "observedGeneration": 1}],
            "artifact": {**_ARTIFACT, "metadata": {"a": "b"}},
            "includedArtifacts": [_ARTIFACT],
            "observedIgnore": "x",
            "observedInclude": [{"repository": {"name": "a"}}],
            "observedSparseCheckout": ["a"],
            "sourceVerificationMode": "HEAD",
            "lastHandledReconcileAt": "now",
        },
        "artifact without digest": {"artifact": {name: value for name, value in _ARTIFACT.items() if name != "digest"}},
        "artifact of a bad digest": {"artifact": {**_ARTIFACT, "digest": "abc"}},
        "condition of a bad status": {"conditions": [{**_CONDITION, "status": "true"}]},
        "condition without reason": {"conditions": [{**_CONDITION, "reason": ""}]},
        "unknown field": {"phase": "Ready"},
    },
    "kustomize.toolkit.fluxcd.io_kustomizations": {
        "whole": {
            "observedGeneration": 1,
            "inventory": {"entries": [{"id": "ns_web_apps_Deployment", "v": "v1"}]},
            "lastAppliedRevision": "main@sha1:ab",
            "history": [
                {
                    "digest": "sha256:ab",
                    "firstReconciled": _TIME,
                    "lastReconciled": _TIME,
                    "lastReconciledDuration": "1s",
                    "lastReconciledStatus": "ReconciliationSucceeded",
                    "totalReconciliations": 2,
                    "metadata": {"revision": "r"},
                }
            ],
        },
        "inventory without version": {"inventory": {"entries": [{"id": "x"}]}},
        "history without digest": {"history": [{"lastReconciledStatus": "x"}]},
    },
}


class Verdict(NamedTuple):
    """What the API server made of an object: the status, the refusals, and what it would have stored."""

    status: int
    refusals: Any = None
    stored: Any = None


def ours(stem: str) -> dict[str, Any]:
    return _load(FOLDER / "flux" / f"{stem}.yaml")


def theirs(stem: str) -> dict[str, Any]:
    return _load(real.require_file(MODULES[stem], f"config/crd/bases/{stem}.yaml"))


def _load(path: Path) -> dict[str, Any]:
    crd = yaml.safe_load(path.read_text())
    assert isinstance(crd, dict)
    return crd


@pytest.fixture(scope="module", params=MODULES)
def pair(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator["Pair"]:
    """Both definitions of one kind, each under its own group."""
    both = Pair(control_plane, request.param)
    both.serve()
    yield both
    both.withdraw()


class Pair:
    """One kind, defined twice."""

    def __init__(self, plane: ControlPlane, stem: str) -> None:
        self.plane = plane
        self.stem = stem
        self.crds = {"ours.kseal.test": ours(stem), "theirs.kseal.test": theirs(stem)}

    def serve(self) -> None:
        for group, crd in self.crds.items():
            plural = crd["spec"]["names"]["plural"]
            renamed = {**crd, "metadata": {"name": f"{plural}.{group}"}, "spec": {**crd["spec"], "group": group}}
            self.plane.api.ensure(CRDS, renamed)
            wait_until(partial(self._is_served, group), f"{group} is served")
            smallest = next(iter(OBJECTS[self.stem].values()))
            self.plane.api.text("POST", self._path(group), self._object(group, "stored", smallest))

    def withdraw(self) -> None:
        for group, crd in self.crds.items():
            self.plane.api.text("DELETE", f"{CRDS}/{crd['spec']['names']['plural']}.{group}")
            wait_until(partial(self._is_gone, group), f"{group} is gone")

    def create(self, content: dict[str, Any], validation: str) -> list[Verdict]:
        def one(group: str) -> Verdict:
            path = f"{self._path(group)}?dryRun=All&fieldValidation={validation}"
            return self._try(group, "POST", path, self._object(group, "tried", content))

        return [one(group) for group in self.crds]

    def update_status(self, status: dict[str, Any]) -> list[Verdict]:
        def one(group: str) -> Verdict:
            stored = self.plane.api.json("GET", f"{self._path(group)}/stored")
            path = f"{self._path(group)}/stored/status?dryRun=All&fieldValidation=Strict"
            return self._try(group, "PUT", path, {**stored, "status": status})

        return [one(group) for group in self.crds]

    def _try(self, group: str, method: str, path: str, body: dict[str, Any]) -> Verdict:
        try:
            answer = self.plane.api.json(method, path, body)
        except Refused as refused:
            said = json.loads(str(refused).split(f" {refused.status} ", 1)[1].replace(group, "GROUP"))
            return Verdict(refused.status, refusals=said.get("details", {}).get("causes", said["message"]))
        return Verdict(200, stored={"spec": answer.get("spec"), "status": answer.get("status")})

    def _is_served(self, group: str) -> bool:
        return self.plane.api.answers(self._path(group))

    def _is_gone(self, group: str) -> bool:
        return not self._is_served(group)

    def _path(self, group: str) -> str:
        plural = self.crds[group]["spec"]["names"]["plural"]
        return f"/apis/{group}/v1/namespaces/default/{plural}"

    def _object(self, group: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
        kind = self.crds[group]["spec"]["names"]["kind"]
        return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}, **content}


@pytest.mark.parametrize("validation", ["Strict", "Ignore"])
def test_both_definitions_judge_complete_and_keep_objects_alike(pair: Pair, validation: str) -> None:
    statuses = set()
    for name, content in OBJECTS[pair.stem].items():
        verdict, original = pair.create(content, validation)
        assert verdict == original, name
        statuses.add(verdict.status)
    assert 200 in statuses
    assert statuses & {400, 422}


def test_both_definitions_judge_statuses_alike(pair: Pair) -> None:
    for name, status in STATUSES.get(pair.stem, {}).items():
        verdict, original = pair.update_status(status)
        assert verdict == original, name


@pytest.mark.parametrize("stem", MODULES)
def test_names_columns_and_schema_differ_in_descriptions_only(stem: str) -> None:
    assert without_descriptions(ours(stem)["spec"]) == without_descriptions(theirs(stem)["spec"])


def test_post_build_substitution_leaves_our_definitions_alone() -> None:
    for path in (FOLDER / "flux").glob("*_*.yaml"):
        annotations = _load(path)["metadata"]["annotations"]
        assert annotations == {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}, path.name


def test_a_receiver_without_a_token_is_refused_and_one_with_it_completed(control_plane: ControlPlane) -> None:
    control_plane.api.ensure(CRDS, ours("notification.toolkit.fluxcd.io_receivers"))
    control_plane.wait_established("receivers.notification.toolkit.fluxcd.io")
    path = "/apis/notification.toolkit.fluxcd.io/v1/namespaces/default/receivers?dryRun=All"
    spec: dict[str, Any] = {"type": "github", "resources": [{"kind": "GitRepository", "name": "fleet"}]}
    body = {"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver", "metadata": {"name": "r"}}
    with pytest.raises(Refused, match="secretRef is required when type is not generic-oidc"):
        control_plane.api.json("POST", path, {**body, "spec": spec})
    made = control_plane.api.json("POST", path, {**body, "spec": {**spec, "secretRef": {"name": "token"}}})
    assert (made["spec"]["interval"], made["status"]) == ("10m", {"observedGeneration": -1})
