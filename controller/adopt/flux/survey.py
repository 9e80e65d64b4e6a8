"""What kseal would make of each of Flux's resources, found out by reading alone.

The judgement is the reconcilers' own: the same functions read a spec here and there.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from controller.flux import gitspec, names, spec
from controller.flux.proofs import UNSUPPORTED
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery
from engine.kube.refs import ObjectRef

NEED_SOURCE_CONTROLLER: Final = ("HelmRepository", "HelmChart", "OCIRepository", "Bucket")
"""Sources that kseal does not fetch."""
NEED_NOTIFICATION_CONTROLLER: Final = ("Alert", "Provider")
_KINDS: Final = (
    *((names.SOURCE, kind) for kind in ("GitRepository", *NEED_SOURCE_CONTROLLER)),
    (names.KUSTOMIZE, "Kustomization"),
    *((names.NOTIFICATION, kind) for kind in ("Receiver", *NEED_NOTIFICATION_CONTROLLER)),
    ("fluxcd.controlplane.io", "FluxInstance"),  # of the Flux Operator, which installs Flux and keeps it so
)
_SHOWN: Final = 200
"""Characters of a message of a status."""

Object = dict[str, Any]


class State(Enum):
    """How a resource stands; the order is that of a report."""

    FAILS = "would fail"
    """kseal does not do what it asks for."""
    UNREADY = "is not ready"
    """As it is with Flux, so it will be with kseal, or better."""
    SUSPENDED = "is suspended"
    RIGHT = "right"


_ORDER: Final = {state: place for place, state in enumerate(State)}


class Finding(NamedTuple):
    """One resource."""

    kind: str
    ref: str
    state: State
    detail: str = ""
    breaks: bool = False
    """It is ready now, and would not be any more."""


class Survey(NamedTuple):
    """Flux's resources in a whole cluster."""

    objects: Mapping[str, tuple[Object, ...]]
    """By kind; a kind that is not served has none."""
    findings: tuple[Finding, ...]
    """Of the kinds that kseal works on, what matters most first."""

    def refs(self, *kinds: str) -> list[str]:
        """The objects of some kinds."""
        return [ref_of(raw) for kind in kinds for raw in self.objects.get(kind, ())]

    def breaking(self, kind: str) -> list[Finding]:
        """Those that work now and would not any more."""
        return [found for found in self.findings if found.kind == kind and found.breaks]


def survey(cluster: Cluster, *, external_artifacts: bool) -> Survey:
    """Read all of Flux's resources. `external_artifacts`: whether kseal would take manifests from those.

    Raises: ApiError, for a kind that may not be read too: what it would forbid must not be overlooked.
    """
    discovery = Discovery(cluster)
    objects: dict[str, tuple[Object, ...]] = {}
    for group, kind in _KINDS:
        resource = discovery.find(group, kind)
        objects[kind] = tuple(cluster.list(resource)) if resource is not None else ()
    return Survey(objects, judged(objects, external_artifacts=external_artifacts))


def judged(objects: Mapping[str, tuple[Object, ...]], *, external_artifacts: bool) -> tuple[Finding, ...]:
    """How each resource stands that kseal would work on."""
    judges: dict[str, Callable[[Object], str]] = {
        "GitRepository": _git_repository,
        "Kustomization": lambda raw: _kustomization(raw, external_artifacts=external_artifacts),
        "Receiver": _receiver,
    }
    findings = [_judge(kind, raw, why) for kind, why in judges.items() for raw in objects.get(kind, ())]
    return tuple(sorted(findings, key=lambda found: (_ORDER[found.state], found.ref)))


def ref_of(raw: Mapping[str, Any]) -> str:
    """How messages call it: `Kustomization/flux-system/apps`."""
    metadata = raw["metadata"]
    return str(ObjectRef("", raw["kind"], metadata.get("namespace") or "", metadata["name"]))


def is_suspended(raw: Mapping[str, Any]) -> bool:
    """Whether nobody works on it."""
    return bool((raw.get("spec") or {}).get("suspend"))


def _judge(kind: str, raw: Object, why: Callable[[Object], str]) -> Finding:
    ready, message = _ready(raw)
    if problem := why(raw):
        return Finding(kind, ref_of(raw), State.FAILS, problem, breaks=ready == "True" and not is_suspended(raw))
    if is_suspended(raw):
        return Finding(kind, ref_of(raw), State.SUSPENDED)
    if ready == "True":
        return Finding(kind, ref_of(raw), State.RIGHT)
    return Finding(kind, ref_of(raw), State.UNREADY, message)


def _git_repository(raw: Object) -> str:
    """Why ours could not fetch it; empty where it could."""
    try:
        gitspec.read(raw)
    except KsealError as error:
        return error.message
    return ""


def _kustomization(raw: Object, *, external_artifacts: bool) -> str:
    """Why ours could not apply it; empty where nothing of its spec stands against that."""
    try:
        read = spec.read(raw)
    except KsealError as error:
        return error.message
    return "; ".join(_not_done(read, external_artifacts=external_artifacts))


def _not_done(read: spec.Spec, *, external_artifacts: bool) -> Iterator[str]:
    if read.kube_config is not None and not (read.kube_config.get("secretRef") or {}).get("name"):
        yield "spec.kubeConfig.configMapRef is not supported by kseal"
    if read.decryption_account:
        yield "spec.decryption.serviceAccountName is not supported by kseal"
    if read.source.kind == "ExternalArtifact" and not external_artifacts:
        yield "spec.sourceRef: an ExternalArtifact needs --feature-gates=ExternalArtifact=true in kseal too"


def _receiver(raw: Object) -> str:
    kind = (raw.get("spec") or {}).get("type") or ""
    return f"spec.type: {kind} is not supported by kseal" if kind in UNSUPPORTED else ""


def _ready(raw: Object) -> tuple[str, str]:
    """Status and message of its condition Ready."""
    for condition in (raw.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            message = " ".join(str(condition.get("message") or "").split())
            return str(condition.get("status") or ""), message[:_SHOWN]
    return "", "waiting to be reconciled"
