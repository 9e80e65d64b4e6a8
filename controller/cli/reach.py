"""The options by which these verbs reach a cluster and choose objects, and the client that they describe."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sealer.cli import cluster
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from engine.kube.client import Cluster

OF_CONTROLLER = ("controller-name", "controller-namespace")
OPTIONS = tuple(option for option in cluster.OPTIONS if option.key not in OF_CONTROLLER)
"""The options of every verb that reaches a cluster; the controller itself is not spoken to."""
EVERYWHERE = Option(("-A", "--all-namespaces"), "In all namespaces.")
SELECTOR = Option(
    ("-l", "--selector", "--label-selector"), "Only objects with such labels, as team=web,tier!=cache.", "LABELS"
)
WATCH = Option(("-w", "--watch"), "Go on, and show each change when it happens.")


@contextmanager
def opened(given: Given, environ: Mapping[str, str]) -> Iterator[tuple["Cluster", str]]:
    """A client, and the namespace that is meant: that of `--namespace`, else that of the kubeconfig's context.

    Raises: Misused, KsealError.
    """
    from engine.kube.client import Cluster

    connection = cluster.connect(given, environ)
    client = Cluster(connection, timeout_seconds=cluster.timeout_seconds(given))
    try:
        yield client, given.text("namespace") or connection.namespace
    finally:
        client.close()


def scope(given: Given, namespace: str) -> str | None:
    """The namespace to look into, None for all. Raises: Misused when both are asked for."""
    if given.flag("all-namespaces"):
        if given.said("namespace"):
            raise Misused("--all-namespaces and --namespace contradict each other")
        return None
    return namespace


def duration(given: Given, key: str, default_seconds: float) -> float:
    """A time option as Go writes it, `1m30s`, or a plain number of seconds. Raises: Misused."""
    text = given.text(key)
    if text is None:
        return default_seconds
    try:
        return cluster.timeout_seconds(Given((), {"request-timeout": text}))
    except Misused as error:
        raise Misused(error.message.replace("--request-timeout", f"--{key}"), error.hint) from None
