"""The controllers installed in a namespace: whose they are, how they are set, and the Service that leads to them."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import click
from click.core import ParameterSource

from controller.main import settings as settings_from_flags
from controller.options import OPTIONS, PREFIX
from controller.settings import Settings
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import NotFound
from engine.kube.refs import SERVICES, ObjectRef, Resource

DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
_ORIGINAL: Final = "sealed-secrets-controller"
"""The last part of the original's image, and the name of its Deployment by its plain manifest."""
_CHART: Final = "sealed-secrets"
"""What the original's chart calls itself in its labels."""
_NAME_LABEL: Final = "app.kubernetes.io/name"
_REFERENCE: Final = re.compile(r"\$\(([A-Za-z0-9_.-]+)\)")


class Controller(NamedTuple):
    """A Deployment that runs a controller."""

    raw: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.raw["metadata"]["namespace"])

    @property
    def ref(self) -> str:
        return str(ObjectRef("apps", "Deployment", self.namespace, self.name))

    @property
    def replicas(self) -> int:
        return int(self.raw["spec"].get("replicas", 1))

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.raw["metadata"].get("annotations") or {}

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which its Pods are found. Raises: KsealError for a selector that is more than labels."""
        selector = self.raw["spec"]["selector"]
        if selector.get("matchExpressions"):
            raise KsealError(f"{self.ref}: its selector has expressions, so its Pods cannot be told apart by labels")
        return dict(selector["matchLabels"])

    @property
    def pod_labels(self) -> Mapping[str, str]:
        return self.raw["spec"]["template"]["metadata"].get("labels") or {}

    @property
    def container(self) -> dict[str, Any]:
        """The controller's own; side-cars come after it."""
        containers: list[dict[str, Any]] = self.raw["spec"]["template"]["spec"]["containers"]
        return next((one for one in containers if _is_ours(one) or image_of(one) == _ORIGINAL), containers[0])

    @property
    def is_ours(self) -> bool:
        return _is_ours(self.container)

    @property
    def is_original(self) -> bool:
        """By its image, by what its chart calls it, or by the name of the plain manifest."""
        labelled = (self.raw["metadata"].get("labels") or {}).get(_NAME_LABEL) == _CHART
        return not self.is_ours and (image_of(self.container) == _ORIGINAL or labelled or self.name == _ORIGINAL)


class Installation(NamedTuple):
    """What stands in the namespace of the keys."""

    original: Controller | None
    ours: Controller | None
    service: dict[str, Any] | None
    """The one under which clients look for the controller."""


def find(cluster: Cluster, namespace: str, service: str) -> Installation:
    """Raises: ApiError; KsealError where two Deployments could be meant."""
    found = [Controller(raw) for raw in cluster.list(DEPLOYMENTS, namespace)]
    raw_service = None
    with suppress(NotFound):
        raw_service = cluster.get(SERVICES, namespace, service)
    return Installation(
        _only([one for one in found if one.is_original]), _only([one for one in found if one.is_ours]), raw_service
    )


def settings_of(controller: Controller | None, namespace: str) -> Settings:
    """The settings with which the controller works, by its arguments and variables; the defaults without one.

    Raises: KsealError for arguments that kseal would refuse.
    """
    words = _words(controller.container, controller.namespace) if controller else []
    return settings_of_words(words, namespace, controller.ref if controller else "defaults")


def settings_of_words(words: Sequence[str], namespace: str, called: str) -> Settings:
    """The settings that some arguments mean; one's own variables are no part of them.

    Raises: KsealError, which begins with what the arguments are of.
    """
    try:
        context = click.Command("controller", params=OPTIONS).make_context("controller", [*words])
    except click.UsageError as error:
        raise KsealError(
            f"{called}: kseal does not take its arguments: " + error.format_message().rstrip("."),
            "install kseal's controller with arguments of its own, which are then looked at instead",
        ) from error
    flags = {
        name: _default(context, name) if context.get_parameter_source(name) is ParameterSource.ENVIRONMENT else value
        for name, value in context.params.items()
    }
    return settings_from_flags(flags, {"POD_NAMESPACE": namespace, "POD_NAME": "adopt"})


def _default(context: click.Context, name: str) -> Any:
    """What a flag is without one's own variables, which say nothing about a container."""
    option = next(option for option in OPTIONS if option.name == name)
    return option.type_cast_value(context, option.get_default(context))


def _words(container: Mapping[str, Any], namespace: str) -> list[str]:
    """The flags of the container: variables first, since flags win over them. A value from elsewhere is not known."""
    known = {
        variable: option.opts[0]
        for option in OPTIONS
        if option.name
        for variable in (f"{PREFIX}_{option.name}".upper(), *_variables(option))
    }
    environ = {one["name"]: one.get("value") or _downward(one, namespace) for one in container.get("env") or []}
    variables = [f"{known[name]}={value}" for name, value in environ.items() if name in known and value]
    words = [_expanded(word, environ) for word in (*(container.get("command") or []), *(container.get("args") or []))]
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return [*variables, *words[first:]]


def _expanded(word: str, environ: Mapping[str, str]) -> str:
    """A word as the kubelet hands it on: `$(NAME)` is the value of a variable, where there is one."""
    return _REFERENCE.sub(lambda found: environ.get(found[1], found[0]), word)


def _variables(option: click.Parameter) -> Sequence[str]:
    """The names of variables that an option has of its own."""
    named = option.envvar or ()
    return (named,) if isinstance(named, str) else named


def _downward(variable: Mapping[str, Any], namespace: str) -> str:
    """The one value that a Pod's variables usually take from the Pod itself; empty for any other."""
    path = ((variable.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath")
    return namespace if path == "metadata.namespace" else ""


def _is_ours(container: Mapping[str, Any]) -> bool:
    command = container.get("command") or [""]
    return command[0].rpartition("/")[2] == "kseal" or image_of(container) == "kseal"


def image_of(container: Mapping[str, Any]) -> str:
    """The last part of an image's name, without tag and digest."""
    return str(container.get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0]


def _only(found: list[Controller]) -> Controller | None:
    if len(found) > 1:
        names = ", ".join(one.ref for one in found)
        raise KsealError(f"more than one Deployment could be meant: {names}", "leave one of them in the namespace")
    return found[0] if found else None
