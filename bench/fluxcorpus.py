"""Repositories for the bench of deliveries, made by code, and the Kustomizations that deliver their folders."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from tests.kit.deliveries import kustomization
from tests.kit.flux import HOME

INTERVAL_SECONDS: Final = 300
WARM_UP: Final = "warm-up"
_PER_FILE: Final = 100


class Corpus(NamedTuple):
    """Files by path, who delivers them, the namespaces that they need, and a line to change: path, old, new."""

    files: dict[str, str]
    kustomizations: Sequence[dict[str, Any]]
    namespaces: Sequence[str]
    line: tuple[str, str, str]

    @property
    def names(self) -> list[str]:
        """Of the Kustomizations, without the one that warms up."""
        return [one["metadata"]["name"] for one in self.kustomizations]


def plain(count: int, *, together: bool = False, interval: int = INTERVAL_SECONDS) -> Corpus:
    """A folder of four objects for each; each in a namespace of its own, or all in one."""
    names = _names(count)
    files = {f"apps/{name}/all.yaml": _four(name) for name in [WARM_UP, *names]}
    spaces = ["apps"] * count if together else names
    listed = [_delivery(name, f"./apps/{name}", space, interval) for name, space in zip(names, spaces, strict=True)]
    return Corpus(files, listed, sorted({*spaces}), (f"apps/{names[-1]}/all.yaml", "level: info", "level: debug"))


def overlays(count: int, *, interval: int = INTERVAL_SECONDS) -> Corpus:
    """An overlay for each, all over one base, each with patches and images of its own."""
    names = _names(count)
    files = {f"apps/{WARM_UP}/all.yaml": _four(WARM_UP), "base/all.yaml": _four("web")}
    files["base/kustomization.yaml"] = json.dumps({"resources": ["all.yaml"]})
    for number, name in enumerate(names):
        files[f"overlays/{name}/kustomization.yaml"] = json.dumps(
            {
                "resources": ["../../base"],
                "namePrefix": f"{name}-",
                "images": [{"name": "registry.example/web", "newTag": f"1.0.{number}"}],
                "patches": [{"path": "level.yaml"}],
            },
            indent=1,
        )
        files[f"overlays/{name}/level.yaml"] = _level(f"level-{number}")
    listed = [_delivery(name, f"./overlays/{name}", name, interval) for name in names]
    return Corpus(files, listed, names, (f"overlays/{names[-1]}/level.yaml", f"level-{count - 1}", "level-new"))


def large(count: int, *, interval: int = INTERVAL_SECONDS) -> Corpus:
    """One Kustomization of so many ConfigMaps, a hundred to a file."""
    files = {f"apps/{WARM_UP}/all.yaml": _four(WARM_UP)}
    for start in range(0, count, _PER_FILE):
        maps = [_map(f"settings-{number:05}") for number in range(start, min(start + _PER_FILE, count))]
        files[f"large/{start:05}.yaml"] = "---\n".join(maps)
    delivery = _delivery("large", "./large", "large", interval, wait=False)
    return Corpus(files, [delivery], ["large"], ("large/00000.yaml", "name-0: settings-00000", "name-0: other"))


def warm_up() -> dict[str, Any]:
    """A Kustomization to begin with: the first one of a kind waits for the API server."""
    return _delivery(WARM_UP, f"./apps/{WARM_UP}", WARM_UP, 24 * 3600)


def _delivery(name: str, path: str, namespace: str, interval: int, *, wait: bool = True) -> dict[str, Any]:
    spec: dict[str, Any] = {"targetNamespace": namespace, "wait": wait, "timeout": "10m"}
    return kustomization(name, HOME, path, interval=f"{interval}s", **spec)


def _names(count: int) -> list[str]:
    return [f"app-{number:04}" for number in range(count)]


def _four(name: str) -> str:
    """A Deployment at 0 replicas, a Service, a ServiceAccount and an Ingress."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  annotations:
    level: info
spec:
  replicas: 0
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      serviceAccountName: {name}
      containers:
      - name: web
        image: registry.example/web:1.0.0
        ports:
        - name: http
          containerPort: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
  - name: http
    port: 80
    targetPort: http
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
spec:
  rules:
  - host: {name}.example
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {name}
            port:
              name: http
"""


def _level(level: str) -> str:
    return f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    level: {level}\n"


def _map(name: str) -> str:
    data = f"  name-0: {name}\n" + "".join(f'  name-{number}: "{number}"\n' for number in range(1, 5))
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{data}"
