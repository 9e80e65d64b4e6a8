"""Variables of post-build substitution: from the command line, from files, from a Kustomization, from a cluster."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sealer.cli import files
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given

if TYPE_CHECKING:
    from controller.cli.builds import Delivery
    from engine.diff import Masks
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

Object = dict[str, Any]
Fetch = Callable[["Delivery", str, str], Mapping[str, str] | None]
"""The items of the ConfigMap or Secret of a Kustomization's namespace, by kind and name; None when it is missing."""
_NAME: Final = "letters, digits and _, and no digit first"


class Variables:
    """What one run knows of variables. The command line wins, then what the Kustomization says, then files."""

    def __init__(
        self, told: Mapping[str, str], filed: Mapping[str, str], *, is_strict: bool, fetch: Fetch | None = None
    ) -> None:
        """`fetch` asks a cluster for what `substituteFrom` names; without one the files stand for it."""
        self._told = dict(told)
        self._filed = dict(filed)
        self._is_strict = is_strict
        self._fetch = fetch

    @classmethod
    def of(cls, given: Given, fetch: Fetch | None = None) -> "Variables":
        """Of a command line. Raises: Misused, KsealError."""
        filed: dict[str, str] = {}
        for one in files.read_inputs(given.texts("env-file"), example="") if given.texts("env-file") else ():
            filed |= _read(one.data.decode("utf-8", "replace"), one.source)
        told: dict[str, str] = {}
        for word in given.texts("set"):
            name, value = _pair(word, "--set")
            told[name] = value
        return cls(told, filed, is_strict=not given.flag("lenient"), fetch=fetch)

    def substituted(self, objects: list[Object], delivery: "Delivery | None", terminal: "Terminal") -> list[Object]:
        """The objects with their variables filled in, where there are any. Raises: KsealError."""
        post_build = delivery.spec.post_build if delivery else None
        variables = {**self._filed, **self._of_references(delivery, terminal)}
        if post_build is not None:
            variables |= {name: str(value).replace("\n", "") for name, value in post_build.inline.items()}
        variables |= self._told
        if not variables and not (post_build is not None and post_build.is_always):
            return objects
        from controller.flux.names import KUSTOMIZE
        from engine.ownership import Ownership
        from engine.substitute import substitute_objects

        marks = Ownership(manager="", labels={}, control=KUSTOMIZE)
        return substitute_objects(
            objects,
            variables,
            strict=self._is_strict,
            is_exempt=lambda obj: marks.says("substitute", "disabled", obj),
        )

    def _of_references(self, delivery: "Delivery | None", terminal: "Terminal") -> dict[str, str]:
        """What `substituteFrom` names. Without a cluster it is told what is missing, unless files stand for it."""
        post_build = delivery.spec.post_build if delivery else None
        found: dict[str, str] = {}
        if delivery is None or post_build is None:
            return found
        unknown = []
        for one in post_build.references:
            items = self._fetch(delivery, one.kind, one.name) if self._fetch else None
            if items is not None:
                found |= {name: value.replace("\n", "") for name, value in items.items()}
            elif not one.is_optional:
                unknown.append(f"{one.kind}/{one.name}")
        if unknown and not self._filed:
            terminal.warning(
                f"{delivery.ref}: spec.postBuild.substituteFrom: nothing is known here of {', '.join(unknown)}",
                "give its variables by --env-file or --set",
            )
        return found


def from_cluster(client: "Cluster", masks: "Masks") -> Fetch:
    """Asks a cluster; what comes from a Secret is hidden wherever it is shown. Raises: KsealError."""
    import base64

    from engine.kube.errors import NotFound
    from engine.kube.refs import CONFIG_MAPS, SECRETS

    def fetch(delivery: "Delivery", kind: str, name: str) -> Mapping[str, str] | None:
        resource = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}.get(kind)
        if resource is None:
            return None
        try:
            raw = client.get(resource, delivery.raw["metadata"]["namespace"], name)
        except NotFound:
            return None
        items = {key: str(value) for key, value in (raw.get("data") or {}).items()}
        if kind == "Secret":
            items = {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in items.items()}
            for value in items.values():
                masks.hide(value.replace("\n", ""))
        return items

    return fetch


def _read(text: str, source: str) -> dict[str, str]:
    """Lines NAME=VALUE; empty ones and those that begin with # say nothing; quotes around a value are taken off."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, value = _pair(stripped.removeprefix("export "), f"{source}:{number}")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name] = value
    return found


def _pair(text: str, place: str) -> tuple[str, str]:
    """Raises: Misused, without the value, which may be secret."""
    name, mark, value = text.partition("=")
    name = name.strip()
    if not mark or not name.isascii() or not name.isidentifier():
        raise Misused(f"{place}: NAME=VALUE is expected", hint=f"a name has {_NAME}")
    return name, value
