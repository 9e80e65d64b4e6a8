"""Many Kustomizations brought to rest by Flux's controllers and by ours side by side, and what there is to compare.

Each case has a namespace of its own on each side, with a GitRepository `fleet` and a Kustomization `ks`. Both sides
work on one cluster: ours has those with a shard, the real ones those without. `NS` stands for the namespace everywhere
in a case; where something is compared, it stands there again.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.inventory import InventoryError, parse_id
from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import REQUESTED, SOURCES, kustomization
from tests.kit.errors import Unavailable
from tests.kit.flux import SHARD
from tests.kit.fluxground import ready
from tests.kit.workcopy import WorkCopy

NAMESPACE: Final = "NS"
SECRET_TEXT: Final = "SOPS-SECRET"
"""Stands for a Secret `sealed` that sops has encrypted."""
IDENTITY: Final = "AGE-IDENTITY"
"""Stands for who can decrypt it."""
_MERGE: Final = "application/merge-patch+json"
_KUSTOMIZATIONS: Final = "/apis/kustomize.toolkit.fluxcd.io/v1"
_REPOSITORIES: Final = "/apis/source.toolkit.fluxcd.io/v1"
_PATHS: Final = {
    ("", "ConfigMap"): "/api/v1/namespaces/{0}/configmaps/{1}",
    ("", "Secret"): "/api/v1/namespaces/{0}/secrets/{1}",
    ("", "Service"): "/api/v1/namespaces/{0}/services/{1}",
    ("", "ServiceAccount"): "/api/v1/namespaces/{0}/serviceaccounts/{1}",
    ("", "Namespace"): "/api/v1/namespaces/{1}",
    ("apps", "Deployment"): "/apis/apps/v1/namespaces/{0}/deployments/{1}",
    ("batch", "Job"): "/apis/batch/v1/namespaces/{0}/jobs/{1}",
    ("rbac.authorization.k8s.io", "Role"): "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/roles/{1}",
    ("rbac.authorization.k8s.io", "ClusterRole"): "/apis/rbac.authorization.k8s.io/v1/clusterroles/{1}",
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
    ): "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{1}",
}
_AT_ONCE: Final = 80
_LOOK_SECONDS: Final = 0.4
_FORGETS: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid", "selfLink")
_OTHERS: Final = ("kube-controller-manager", "kube-apiserver", "kwok", "kubelet", "before-first-apply-of-nobody")
_MASKS: Final = (
    (re.compile(r"sha1:[0-9a-f]{40}"), "sha1:COMMIT"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:DIGEST"),
    (re.compile(r"\b(in|after) ([0-9.]+(ms|µs|ns|h|m|s))+"), r"\1 TIME"),
    (re.compile(r"/\S*/kustomization-[0-9]+/"), ""),
    (re.compile(r"127\.0\.0\.1:[0-9]+"), "HOST"),
)


class Side:
    """One maker's half of a case."""

    def __init__(self, plane: ControlPlane, case: str, namespace: str, labels: Mapping[str, str], url: str) -> None:
        self.plane = plane
        self.case = case
        self.namespace = namespace
        self.labels = labels
        self.url = url
        self.requests: dict[str, str] = {}
        self.seen: Mapping[str, dict[str, Any]] = {}
        """The Kustomizations of the namespace as they were a moment ago."""
        self.source: Mapping[str, Any] = {}

    def there(self, value: Any) -> Any:
        """Something of a case with this namespace in it."""
        return json.loads(json.dumps(value).replace(NAMESPACE, self.namespace))

    def masked(self, value: Any) -> Any:
        """The other way round, and without what no two runs have in common."""
        text = json.dumps(value, ensure_ascii=False).replace(self.namespace, NAMESPACE)
        for pattern, instead in _MASKS:
            text = pattern.sub(instead, text)
        return json.loads(text)

    def make(self, name: str, path: str, spec: Mapping[str, Any]) -> None:
        """Make a Kustomization. What the spec has as None is not there."""
        raw = kustomization(name, self.namespace, path, interval="10m")
        raw["spec"] = {key: value for key, value in {**raw["spec"], **self.there(spec)}.items() if value is not None}
        self.requests[name] = f"{time.time_ns()}"
        raw["metadata"] |= {"labels": dict(self.labels), "annotations": {REQUESTED: self.requests[name]}}
        self.plane.api.text("POST", self.path().rstrip("/"), raw)

    def make_source(self) -> None:
        spec = {"interval": "10m", "url": self.url, "ref": {"branch": "main"}}
        metadata = {"name": "fleet", "namespace": self.namespace, "labels": dict(self.labels)}
        raw = {"apiVersion": SOURCES, "kind": "GitRepository", "metadata": metadata, "spec": spec}
        self.plane.api.text("POST", f"{_REPOSITORIES}/namespaces/{self.namespace}/gitrepositories", raw)

    def path(self, name: str = "") -> str:
        return f"{_KUSTOMIZATIONS}/namespaces/{self.namespace}/kustomizations/{name}"

    def patch(self, path: str, change: Mapping[str, Any]) -> None:
        self.plane.api.text("PATCH", self.there(path), self.there(change), content_type=_MERGE)

    def change(self, name: str, spec: Mapping[str, Any]) -> None:
        """Change a Kustomization, and ask for a look at it."""
        self.requests[name] = f"{time.time_ns()}"
        body = {"metadata": {"annotations": {REQUESTED: self.requests[name]}}, "spec": dict(spec)}
        self.patch(self.path(name), body)

    def is_settled(self, name: str) -> bool:
        """Whether what was asked for last has come to an end."""
        raw = self.seen.get(name)
        if raw is None or (raw.get("status") or {}).get("lastHandledReconcileAt") != self.requests[name]:
            return False
        under_way = {one["reason"] for one in raw["status"].get("conditions") or () if one["type"] == "Reconciling"}
        return ready(raw).get("status") in {"True", "False"} and "Progressing" not in under_way


Step = Callable[[Side], Iterator[None]]
"""Does something, and goes on when that has come to an end."""


def changed(name: str = "ks", **spec: Any) -> Step:
    """A change of the spec; None removes a field. Without any, a look is asked for."""

    def step(side: Side) -> Iterator[None]:
        side.change(name, spec)
        while not side.is_settled(name):
            yield

    return step


def committed(*names: str) -> Step:
    """The source has what is on the branch `next`, and these Kustomizations follow by themselves."""

    def step(side: Side) -> Iterator[None]:
        yield from pulled()(side)
        while not all(_is_at_next(side, name) for name in names or ("ks",)):
            yield

    return step


def _is_at_next(side: Side, name: str) -> bool:
    raw = side.seen.get(name) or {}
    return (raw.get("status") or {}).get("lastAttemptedRevision", "").startswith("next@") and side.is_settled(name)


def pulled() -> Step:
    """The source has what is on the branch `next`; nobody is waited for."""

    def step(side: Side) -> Iterator[None]:
        side.patch(f"{_REPOSITORIES}/namespaces/NS/gitrepositories/fleet", {"spec": {"ref": {"branch": "next"}}})
        yield

    return step


def observed(name: str = "ks") -> Step:
    """Until the status is of the present generation."""

    def step(side: Side) -> Iterator[None]:
        yield
        while side.seen[name]["status"]["observedGeneration"] != side.seen[name]["metadata"]["generation"]:
            yield

    return step


def until(reason: str, name: str = "ks") -> Step:
    """Until its Ready has this reason."""

    def step(side: Side) -> Iterator[None]:
        while ready(side.seen.get(name) or {"metadata": {"generation": 0}}).get("reason") != reason:
            yield

    return step


def edited(path: str, change: Mapping[str, Any]) -> Step:
    """Somebody changes an object by hand."""

    def step(side: Side) -> Iterator[None]:
        side.patch(path, change)
        yield

    return step


def made(path: str, raw: Mapping[str, Any]) -> Step:
    """Somebody makes an object."""

    def step(side: Side) -> Iterator[None]:
        side.plane.api.text("POST", side.there(path), side.there(raw))
        yield

    return step


def removed(path: str) -> Step:
    """Somebody deletes an object, until it is gone."""

    def step(side: Side) -> Iterator[None]:
        side.plane.api.text("DELETE", side.there(path))
        while side.plane.api.find(side.there(path)) is not None:
            yield

    return step


def deleted(name: str = "ks") -> Step:
    """A Kustomization is deleted, until it is gone."""

    def step(side: Side) -> Iterator[None]:
        side.plane.api.text("DELETE", side.path(name))
        while name in side.seen:
            yield

    return step


def added(name: str, folder: str, **spec: Any) -> Step:
    """One more Kustomization of a folder of the case."""

    def step(side: Side) -> Iterator[None]:
        side.make(name, f"./{side.case}/{folder}", spec)
        while not side.is_settled(name):
            yield

    return step


def paused(seconds: float = 1.5) -> Step:
    """For what is to happen never."""

    def step(_: Side) -> Iterator[None]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield

    return step


@dataclass(frozen=True)
class Case:
    """What is there, what is done, and what is looked at in the end."""

    files: Mapping[str, Any] = field(default_factory=dict)
    """By path below the folder of the case: text, an object, or a list of objects."""
    later: Mapping[str, Any] = field(default_factory=dict)
    """The same of the branch `next`; None is a file that is gone."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    objects: Sequence[Mapping[str, Any]] = ()
    """Objects of the namespace that are there before."""
    manager: str = "somebody"
    """Who made them."""
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """More Kustomizations, that are made before, with `path` below the folder of the case."""
    steps: Sequence[Step] = ()
    looks: Sequence[str] = ()
    """Paths of objects that no inventory has any more."""
    has_source: bool = True
    waits: bool = True
    """Whether the first look comes to an end before the steps."""
    own_words: bool = False
    """The reason is the same, its words are those of another program."""
    is_timed: bool = False
    """How often something was tried, or who came first, is a matter of time."""


@dataclass
class Seen:
    """What one side has come to."""

    statuses: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    events: set[tuple[str, str, str]] = field(default_factory=set)
    failure: str = ""


def write_files(copy: WorkCopy, cases: Mapping[str, Case], namespace: Callable[[str], str], sealed: str) -> None:
    """Both branches of a side's repository."""
    for branch in ("main", "next"):
        for name, case in cases.items():
            for path, value in (case.files if branch == "main" else case.later).items():
                where = f"{name}/{path}"
                if value is None:
                    copy.remove(where)
                    continue
                text = value if isinstance(value, str) else _documents(value)
                copy.write(where, text.replace(NAMESPACE, namespace(name)).replace(SECRET_TEXT, sealed))
        copy.push(branch)
        if branch == "next":
            copy.git("push", "--quiet", "--force", str(copy.bare), "HEAD:refs/heads/next", "HEAD~1:refs/heads/main")


def _documents(value: Any) -> str:
    return "---\n".join(json.dumps(one, indent=2) + "\n" for one in (value if isinstance(value, list) else [value]))


def _played(name: str, case: Case, side: Side, identity: str) -> Iterator[None]:
    api = side.plane.api
    api.text("POST", "/api/v1/namespaces", {"metadata": {"name": side.namespace}})
    for raw in case.objects:
        found = side.there({**raw, "metadata": {"namespace": NAMESPACE, **raw["metadata"]}})
        found = json.loads(json.dumps(found).replace(IDENTITY, identity))
        api.text("POST", f"{_collection(found)}?fieldManager={case.manager}", found)
    if case.has_source:
        side.make_source()
        while not (side.source.get("status") or {}).get("artifact"):
            yield
    for other, spec in case.others.items():
        side.make(other, f"./{name}/{spec.get('path', '')}", {key: one for key, one in spec.items() if key != "path"})
        while not side.is_settled(other):
            yield
    side.make("ks", case.spec.get("path", f"./{name}"), case.spec)
    while case.waits and not side.is_settled("ks"):
        yield
    for step in case.steps:
        yield from step(side)


def _collection(raw: Mapping[str, Any]) -> str:
    group, _, kind = (raw["apiVersion"].rpartition("/")[0], "", raw["kind"])
    if kind == "RoleBinding":
        return f"/apis/{raw['apiVersion']}/namespaces/{raw['metadata']['namespace']}/rolebindings"
    return _PATHS[group, kind].format(raw["metadata"]["namespace"], "").rstrip("/")


class Play:
    """All cases on both sides at once."""

    def __init__(self, plane: ControlPlane, cases: Mapping[str, Case], identity: str) -> None:
        self.plane = plane
        self.cases = cases
        self.identity = identity
        self.run = f"{time.time_ns() // 10**6 % 10**6:06}"
        self.seen: dict[tuple[str, str], Seen] = {}
        self._copies: dict[str, WorkCopy] = {}

    def namespace(self, maker: str, case: str) -> str:
        """Of one length for both makers, so that orders by it are equal."""
        return f"{maker[0]}-{case}-{self.run}"

    def prepare(self, maker: str, copy: WorkCopy, sealed: str) -> None:
        self._copies[maker] = copy
        write_files(copy, self.cases, lambda case: self.namespace(maker, case), sealed)

    def perform(self, *, limit_seconds: float) -> None:
        """Play every case to its end. What does not end is told in what was seen of it."""
        sides: dict[tuple[str, str], Side] = {}
        waiting: list[tuple[tuple[str, str], Iterator[None]]] = []
        under_way: dict[tuple[str, str], Iterator[None]] = {}
        for name, case in self.cases.items():
            for maker, copy in self._copies.items():
                labels = {SHARD: "ours"} if maker == "kseal" else {}
                side = sides[name, maker] = Side(self.plane, name, self.namespace(maker, name), labels, copy.url)
                waiting.append(((name, maker), _played(name, case, side, self.identity)))
        end = time.monotonic() + limit_seconds
        rests: dict[tuple[str, str], Any] = {}
        while waiting or under_way:
            room = max(_AT_ONCE - len(under_way), 0)
            under_way |= dict(waiting[:room])
            del waiting[:room]
            self._look(sides)
            for key, play in [*under_way.items()]:
                found = [one.get("status") for one in sides[key].seen.values()]
                if rests.get(key) is not None:
                    # What a status says is written in steps: it has ended when the next look finds it the same.
                    if rests[key] == found:
                        self.seen[key] = self._taken(sides[key], self.cases[key[0]])
                        del under_way[key]
                    rests[key] = found
                    continue
                try:
                    next(play)
                except StopIteration:
                    rests[key] = found
                except Unavailable:
                    raise
                except Exception as error:  # noqa: BLE001 - a case that cannot be played is that case's failure
                    self.seen[key] = Seen(failure=repr(error))
                    del under_way[key]
            if time.monotonic() > end:
                break
            time.sleep(_LOOK_SECONDS)
        for key in [*under_way, *(key for key, _ in waiting)]:
            self.seen[key] = self._taken(sides[key], self.cases[key[0]])
            self.seen[key].failure = "it did not come to an end"
        self._take_events(sides)

    def _look(self, sides: Mapping[tuple[str, str], Side]) -> None:
        found: dict[str, dict[str, Any]] = {}
        for raw in self.plane.api.json("GET", f"{_KUSTOMIZATIONS}/kustomizations")["items"]:
            found.setdefault(raw["metadata"]["namespace"], {})[raw["metadata"]["name"]] = raw
        sources = {
            raw["metadata"]["namespace"]: raw
            for raw in self.plane.api.json("GET", f"{_REPOSITORIES}/gitrepositories")["items"]
        }
        for side in sides.values():
            side.seen = found.get(side.namespace, {})
            side.source = sources.get(side.namespace, {})

    def _taken(self, side: Side, case: Case) -> Seen:
        seen = Seen()
        paths = {side.there(path) for path in case.looks}
        for name, raw in side.seen.items():
            status = raw.get("status") or {}
            seen.statuses[name] = side.masked(told(status, raw["metadata"]))
            paths |= {path_of(entry) for entry in (status.get("inventory") or {}).get("entries") or ()} - {""}
        for path in sorted(paths):
            seen.objects[side.masked(path)] = side.masked(shown(self.plane.api.find(path)))
        return seen

    def _take_events(self, sides: Mapping[tuple[str, str], Side]) -> None:
        by_namespace = {side.namespace: key for key, side in sides.items()}
        for event in self.plane.api.json("GET", "/api/v1/events")["items"]:
            about = event["involvedObject"]
            key = by_namespace.get(about.get("namespace", ""))
            if key is None or about["kind"] != "Kustomization":
                continue
            message = sides[key].masked(event["message"])
            self.seen[key].events.add((event["type"], event["reason"], message.rstrip()))


def path_of(entry: Mapping[str, str]) -> str:
    """Where an entry of an inventory is found; empty for one that cannot be."""
    try:
        ref = parse_id(entry["id"])
    except InventoryError:
        return ""
    if (ref.group, ref.kind) in _PATHS:
        return _PATHS[ref.group, ref.kind].format(ref.namespace or "default", ref.name)
    return f"/apis/{ref.group}/{entry['v']}/namespaces/{ref.namespace}/{ref.kind.lower()}s/{ref.name}"


def told(status: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A status without times."""
    conditions = {
        one["type"]: (one["status"], one["reason"], one["message"].rstrip(), one["observedGeneration"])
        for one in status.get("conditions") or ()
    }
    history = [
        (one["lastReconciledStatus"], one["totalReconciliations"], one.get("metadata"))
        for one in status.get("history") or ()
    ]
    rest = {
        key: status.get(key)
        for key in ("observedGeneration", "lastAppliedRevision", "lastAppliedOriginRevision", "lastAttemptedRevision")
    }
    is_handled = status.get("lastHandledReconcileAt") == (metadata.get("annotations") or {}).get(REQUESTED)
    entries = (status.get("inventory") or {}).get("entries")
    return {**rest, "conditions": conditions, "history": history, "inventory": entries, "is_handled": is_handled}


def shown(raw: Mapping[str, Any] | None) -> Any:
    """An object without what the API server counts, with who has fields in it."""
    if raw is None:
        return None
    metadata = {key: value for key, value in raw["metadata"].items() if key not in _FORGETS}
    managers = sorted(
        f"{one['manager']} {one['operation']}"
        for one in raw["metadata"].get("managedFields") or ()
        if one["manager"] not in _OTHERS and not one.get("subresource")
    )
    body = {key: value for key, value in raw.items() if key not in ("metadata", "status")}
    if raw["kind"] == "Job":  # names and labels of its Pods have its uid in them
        body.pop("spec")
    if raw["kind"] == "Service":
        body["spec"] = {key: value for key, value in raw["spec"].items() if not key.startswith("clusterIP")}
    return {**body, "metadata": metadata, "managers": managers}
