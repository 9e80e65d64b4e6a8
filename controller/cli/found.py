"""The objects that a command line asks for, read from the cluster."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from controller.cli.asked import Asked
from controller.cli.kinds import Kind
from engine.errors import KsealError
from engine.kube.errors import Forbidden, NotFound, NotServed

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal


class Found(NamedTuple):
    """One object, and its kind."""

    kind: Kind
    obj: Mapping[str, Any]

    @property
    def ref(self) -> str:
        """How messages call it: `Kustomization/flux-system/apps`."""
        return str(self.kind.ref_of(self.obj))


class Missing(KsealError):
    """Something that was asked for is not there, or not for us; each has been said."""


def look(
    client: "Cluster",
    asked: Sequence[Asked],
    namespace: str | None,
    *,
    label_selector: str | None,
    terminal: "Terminal",
) -> Iterator[Found]:
    """What there is of it. A name in all namespaces may mean several objects.

    Kinds that the server does not serve are left out unless they are all that is asked for. What is missing or
    forbidden is said, and the others are given nevertheless.
    Raises: ApiError; Missing at the end.
    """
    missing = 0
    unserved: list[NotServed] = []
    for one in asked:
        try:
            found = list(_of(client, one, namespace, label_selector))
        except NotServed as error:
            unserved.append(error)
            continue
        except Forbidden as error:
            if len(asked) == 1:
                raise
            terminal.error(error.message, error.hint)
            missing += 1
            continue
        except NotFound as error:
            terminal.error(error.message, _elsewhere(one, namespace))
            missing += 1
            continue
        if one.name and not found:
            where = "any namespace" if namespace is None else f'namespace "{namespace}" with such labels'
            terminal.error(f"{one}: not found in {where}")
            missing += 1
        yield from (Found(one.kind, obj) for obj in found)
    if unserved and (len(unserved) == len(asked)):
        raise unserved[0]
    if missing:
        raise Missing(f"{missing} of {len(asked)} could not be had")


def one(client: "Cluster", asked: Asked, namespace: str) -> Found:
    """A single object. Raises: ApiError, with the cure where it is missing."""
    try:
        return Found(asked.kind, client.get(asked.kind.resource, namespace, asked.name))
    except NotServed:
        raise
    except NotFound as error:
        raise KsealError(error.message, _elsewhere(asked, namespace)) from error


def _of(
    client: "Cluster", one: Asked, namespace: str | None, label_selector: str | None
) -> Iterator[Mapping[str, Any]]:
    if one.name and namespace is not None and not label_selector:
        yield client.get(one.kind.resource, namespace, one.name)
        return
    field_selector = f"metadata.name={one.name}" if one.name else None
    yield from sorted(
        client.list(one.kind.resource, namespace, label_selector=label_selector, field_selector=field_selector),
        key=lambda obj: (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]),
    )


def _elsewhere(asked: Asked, namespace: str | None) -> str:
    named = f"{asked.kind.words[0]} {asked.name}"
    return f'is it in another namespace than "{namespace}"? kseal get {named} -A'
