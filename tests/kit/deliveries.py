"""The reference scenario of deliveries: a repository with base, overlays and infrastructure, and the pair of objects
that brings it into a cluster.

    apps/web/base                      Deployment, Service, Ingress
    apps/web/overlays/staging          the base in one namespace, with a patch
    apps/web/overlays/production       the base in another, with patches and an object of its own
    infrastructure                     both namespaces, quota, and, where wanted, a SealedSecret and a SOPS Secret

Names of namespaces are chosen by the test, so that many of them can share a cluster.
"""

import json
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tests.kit.workcopy import WorkCopy

SOURCES: Final = "source.toolkit.fluxcd.io/v1"
KUSTOMIZATIONS: Final = "kustomize.toolkit.fluxcd.io/v1"
REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
_BASE: Final = "apps/web/base"
_OVERLAYS: Final = "apps/web/overlays"

_DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: registry.example/web:1.0.0
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: LEVEL
          value: info
"""
_SERVICE: Final = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - name: http
    port: 80
    targetPort: http
"""
_INGRESS: Final = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
  - host: web.example
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: web
            port:
              name: http
"""


class Names(NamedTuple):
    """The namespaces of one delivery."""

    staging: str
    production: str


def reference(
    names: Names, *, sealed: Mapping[str, Any] | None = None, encrypt: Callable[[str, str], str] | None = None
) -> dict[str, str]:
    """The files by their paths.

    `sealed` is a SealedSecret to be among the infrastructure. `encrypt` takes a path and the plain text of a Secret,
    and gives what stands in Git: then there is a SOPS Secret too, and its name is `settings` in staging.
    """
    files = {
        f"{_BASE}/deployment.yaml": _DEPLOYMENT,
        f"{_BASE}/service.yaml": _SERVICE,
        f"{_BASE}/ingress.yaml": _INGRESS,
        f"{_BASE}/kustomization.yaml": _kustomization(["deployment.yaml", "service.yaml", "ingress.yaml"]),
        f"{_OVERLAYS}/staging/kustomization.yaml": _kustomization(
            ["../../base"], namespace=names.staging, patches=[{"path": "level.yaml"}]
        ),
        f"{_OVERLAYS}/staging/level.yaml": _level_patch("debug"),
        f"{_OVERLAYS}/production/kustomization.yaml": _kustomization(
            ["../../base", "account.yaml"],
            namespace=names.production,
            images=[{"name": "registry.example/web", "newTag": "1.0.1"}],
            patches=[
                {"path": "level.yaml"},
                {"target": {"kind": "Ingress"}, "patch": _host_patch("www.example")},
            ],
        ),
        f"{_OVERLAYS}/production/level.yaml": _level_patch("warn"),
        f"{_OVERLAYS}/production/account.yaml": _text(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}
        ),
        "infrastructure/namespaces.yaml": "---\n".join(
            _text({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}) for name in names
        ),
        "infrastructure/quota.yaml": _text(
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "pods", "namespace": names.staging},
                "spec": {"hard": {"pods": "100"}},
            }
        ),
    }
    if sealed is not None:
        files["infrastructure/sealed.yaml"] = _text(sealed)
    if encrypt is not None:
        path = "infrastructure/settings.yaml"
        files[path] = encrypt(path, settings(names))
    return files


def settings(names: Names) -> str:
    """The plain text of the Secret that stands in Git under SOPS."""
    return (
        f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: settings\n  namespace: {names.staging}\n"
        "data:\n  password: aHVudGVyMg==\n"
    )


def git_repository(
    repository: WorkCopy, namespace: str, name: str = "fleet", *, interval: str = "1m", **spec: Any
) -> dict[str, Any]:
    """The GitRepository of a work copy: its branch, looked at every minute."""
    return {
        "apiVersion": SOURCES,
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": interval, "url": repository.url, "ref": {"branch": repository.branch}, **spec},
    }


def kustomization(
    name: str, namespace: str, path: str, *, source: str = "fleet", interval: str = "5m", **spec: Any
) -> dict[str, Any]:
    """A Kustomization of a folder of that repository, which prunes."""
    return {
        "apiVersion": KUSTOMIZATIONS,
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "interval": interval,
            "path": path,
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": source},
            **spec,
        },
    }


def kustomizations(namespace: str, **infrastructure: Any) -> list[dict[str, Any]]:
    """The three of the scenario: the applications wait for the infrastructure, of which more fields may be given."""
    after: dict[str, Any] = {"dependsOn": [{"name": "infrastructure"}]}
    return [
        kustomization("infrastructure", namespace, "./infrastructure", **infrastructure),
        kustomization("web-staging", namespace, f"./{_OVERLAYS}/staging", **after),
        kustomization("web-production", namespace, f"./{_OVERLAYS}/production", **after),
    ]


def _kustomization(resources: list[str], **fields: Any) -> str:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return _text({**head, "resources": resources, **fields})


def _level_patch(level: str) -> str:
    return textwrap.dedent(f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web
        spec:
          template:
            spec:
              containers:
              - name: web
                env:
                - name: LEVEL
                  value: {level}
        """)


def _host_patch(host: str) -> str:
    return _text([{"op": "replace", "path": "/spec/rules/0/host", "value": host}])


def _text(value: Any) -> str:
    """JSON is YAML: every reader takes it."""
    return json.dumps(value, indent=2) + "\n"
