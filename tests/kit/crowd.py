"""Many SealedSecrets at once, made without a command line: for tests and benches that count."""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Final

from engine.kube import config
from engine.kube.client import Cluster
from engine.kube.refs import SECRETS, Resource
from tests.kit.controlplane import ControlPlane

SEALED_SECRETS: Final = Resource("bitnami.com", "v1alpha1", "sealedsecrets", "SealedSecret")
_AT_ONCE: Final = 8


@contextmanager
def admin(plane: ControlPlane) -> Iterator[Cluster]:
    """A client with all rights, much faster than kubectl."""
    with closing(Cluster(config.load(kubeconfig=str(plane.kubeconfig), environ={}), timeout_seconds=60)) as cluster:
        yield cluster


def create(cluster: Cluster, objects: Sequence[dict[str, Any]]) -> None:
    """Create SealedSecrets, several at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda one: cluster.create(SEALED_SECRETS, one), objects):
            pass


def synced(cluster: Cluster, namespace: str) -> set[str]:
    """The names of the SealedSecrets that are reported as synced in their present generation."""
    return {one["metadata"]["name"] for one in cluster.list(SEALED_SECRETS, namespace) if _is_synced(one)}


def secret_names(cluster: Cluster, namespace: str, names: Iterable[str]) -> set[str]:
    """Which of these Secrets exist."""
    return {one["metadata"]["name"] for one in cluster.list(SECRETS, namespace)}.intersection(names)


def _is_synced(one: dict[str, Any]) -> bool:
    status = one.get("status") or {}
    return status.get("observedGeneration") == one["metadata"]["generation"] and any(
        condition["type"] == "Synced" and condition["status"] == "True" for condition in status.get("conditions", ())
    )


def copies(sealed: dict[str, Any], names: Iterable[str]) -> list[dict[str, Any]]:
    """The same cluster-wide SealedSecret under many names."""
    text = json.dumps(sealed)
    made = []
    for name in names:
        copy = json.loads(text)
        copy["metadata"]["name"] = copy["spec"]["template"]["metadata"]["name"] = name
        made.append(copy)
    return made
