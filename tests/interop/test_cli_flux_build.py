"""`kseal build` beside `flux build kustomization`, for the same Kustomization and folders: object for object."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kit.running import KSEAL

pytestmark = pytest.mark.interop

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.org/web:1", env: [{name: HOST, value: "${host}"}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, targetPort: 8080}], selector: {app: web}}
---
apiVersion: v1
kind: Secret
metadata: {name: db, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}
stringData: {password: "${not-a-variable}"}
"""
OVERLAY = """\
resources: [../base]
namespace: shop
configMapGenerator:
- name: settings
  literals: [level=info]
patches:
- target: {kind: Deployment}
  patch: |
    - {op: replace, path: /spec/replicas, value: 3}
"""
SPECS: dict[str, dict[str, Any]] = {
    "path alone": {"path": "./overlay", "postBuild": {"substitute": {"host": "a"}}},
    "a folder without a kustomization file": {"path": "./base", "postBuild": {"substitute": {"host": "a"}}},
    "target namespace and name": {
        "path": "./overlay",
        "targetNamespace": "other",
        "namePrefix": "a-",
        "nameSuffix": "-z",
        "postBuild": {"substitute": {"host": "a"}},
    },
    "common metadata": {
        "path": "./overlay",
        "commonMetadata": {"labels": {"team": "web", "app": "x"}, "annotations": {"a": "b"}},
        "postBuild": {"substitute": {"host": "a"}},
    },
    "images and patches": {
        "path": "./overlay",
        "images": [{"name": "example.org/web", "newName": "example.net/web", "newTag": "2"}],
        "patches": [{"target": {"kind": "Service"}, "patch": "- {op: add, path: /spec/type, value: NodePort}\n"}],
        "postBuild": {"substitute": {"host": "1"}},
    },
    "no substitution": {"path": "./overlay"},
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for folder in ("base", "overlay"):
        (tmp_path / folder).mkdir()
    (tmp_path / "base" / "all.yaml").write_text(BASE)
    (tmp_path / "overlay" / "kustomization.yaml").write_text(OVERLAY.replace("../base", "../base/all.yaml"))
    return tmp_path


def objects(text: str) -> dict[str, Any]:
    """By kind and name; the order is each program's own."""
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(text) if one}


def output(*command: str | Path, cwd: Path, **environ: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environ}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("called", SPECS)
def test_both_build_the_same(called: str, source: Path, program: Callable[[str], Path]) -> None:
    spec = {"interval": "5m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "web"}, **SPECS[called]}
    raw = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": spec,
    }
    file = source / "apps.yaml"
    file.write_text(yaml.safe_dump(raw))
    words = ("build", "kustomization", "apps", f"--path={spec['path']}", f"--kustomization-file={file}", "--dry-run")
    theirs = output(program("flux"), *words, cwd=source, KUBECONFIG=os.devnull)
    kustomize = str(program("kustomize"))
    ours = output(KSEAL, "build", file, "--show-secrets", cwd=source, KSEAL_KUSTOMIZE=kustomize)
    assert objects(ours) == objects(theirs)
