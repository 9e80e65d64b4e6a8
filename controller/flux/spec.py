"""What a Kustomization asks for, with the defaults of Flux filled in. Pure.

The API server has checked types and patterns against the schema; what a schema cannot say is checked here.
Source: flux.md section 4.1; fluxcd/kustomize-controller api/v1/kustomization_types.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from controller.flags import parse_duration
from controller.flux.names import Name
from engine.build import Overlay
from engine.errors import Stalled
from engine.kube.refs import ObjectRef

_SHORTEST_TIMEOUT: Final = timedelta(seconds=30)
_ONLY_PROVIDER: Final = "sops"


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where the manifests come from."""

    kind: str
    at: Name

    def __str__(self) -> str:
        return f"{self.kind}/{self.at}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another Kustomization that has to be ready first."""

    at: Name
    ready_expression: str = ""


@dataclass(frozen=True, slots=True)
class VariablesRef:
    """A ConfigMap or Secret whose items are variables."""

    kind: str
    name: str
    is_optional: bool


@dataclass(frozen=True, slots=True)
class PostBuild:
    """Variables of the manifests."""

    inline: Mapping[str, str]
    references: tuple[VariablesRef, ...]
    is_always: bool
    """Substitute even where no variable is defined: expressions may have defaults."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The whole of it. Durations are what counts after defaults."""

    interval: timedelta
    retry_interval: timedelta
    timeout: timedelta
    source: SourceRef
    overlay: Overlay
    prune: bool
    force: bool
    wait: bool
    suspend: bool
    deletion_policy: str
    depends_on: tuple[Dependency, ...]
    health_checks: tuple[ObjectRef, ...]
    health_expressions: tuple[Mapping[str, Any], ...]
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    post_build: PostBuild | None
    decryption_secret: str | None
    decrypts: bool
    decryption_account: str
    service_account: str
    kube_config: Mapping[str, Any] | None
    ignores: tuple[Mapping[str, Any], ...]


def read(raw: Mapping[str, Any]) -> Spec:
    """The spec of a Kustomization. Raises: Stalled for what no schema refuses and nobody can carry out."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    namespace = metadata["namespace"]
    interval = _duration(spec, "interval")
    if interval is None:
        raise Stalled("spec.interval is missing")
    timeout = _duration(spec, "timeout")
    common = spec.get("commonMetadata") or {}
    decryption = spec.get("decryption") or {}
    if decryption and decryption.get("provider") != _ONLY_PROVIDER:
        raise Stalled(f"spec.decryption.provider: {decryption.get('provider')!r} is not known", "the only one is sops")
    reference = spec.get("sourceRef") or {}
    return Spec(
        interval=interval,
        retry_interval=_duration(spec, "retryInterval") or interval,
        timeout=max(interval - _SHORTEST_TIMEOUT if timeout is None else timeout, _SHORTEST_TIMEOUT),
        source=SourceRef(
            reference.get("kind", ""), Name(reference.get("namespace") or namespace, reference.get("name", ""))
        ),
        overlay=_overlay(spec),
        prune=bool(spec.get("prune")),
        force=bool(spec.get("force")),
        wait=bool(spec.get("wait")),
        suspend=bool(spec.get("suspend")),
        deletion_policy=spec.get("deletionPolicy") or "MirrorPrune",
        depends_on=tuple(
            Dependency(Name(found.get("namespace") or namespace, found.get("name", "")), found.get("readyExpr") or "")
            for found in spec.get("dependsOn") or ()
        ),
        health_checks=tuple(_ref(found, namespace) for found in spec.get("healthChecks") or ()),
        health_expressions=tuple(spec.get("healthCheckExprs") or ()),
        common_labels=common.get("labels") or {},
        common_annotations=common.get("annotations") or {},
        post_build=_post_build(spec.get("postBuild")),
        decryption_secret=(decryption.get("secretRef") or {}).get("name"),
        decrypts=bool(decryption),
        decryption_account=decryption.get("serviceAccountName") or "",
        service_account=spec.get("serviceAccountName") or "",
        kube_config=spec.get("kubeConfig"),
        ignores=tuple(spec.get("ignore") or ()),
    )


def _overlay(spec: Mapping[str, Any]) -> Overlay:
    return Overlay(
        path=_path(spec.get("path") or ""),
        target_namespace=spec.get("targetNamespace") or "",
        name_prefix=spec.get("namePrefix") or "",
        name_suffix=spec.get("nameSuffix") or "",
        patches=tuple(spec.get("patches") or ()),
        images=tuple(spec.get("images") or ()),
        components=tuple(spec.get("components") or ()),
        ignore_missing_components=bool(spec.get("ignoreMissingComponents")),
        build_metadata=tuple(spec.get("buildMetadata") or ()),
    )


def _path(text: str) -> str:
    """A folder below the root of the source; what climbs ends at the root, as Flux joins paths."""
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _post_build(given: Mapping[str, Any] | None) -> PostBuild | None:
    if given is None:
        return None
    return PostBuild(
        inline=given.get("substitute") or {},
        references=tuple(
            VariablesRef(found.get("kind", ""), found.get("name", ""), bool(found.get("optional")))
            for found in given.get("substituteFrom") or ()
        ),
        is_always=given.get("substituteStrategy") == "Always",
    )


def _ref(found: Mapping[str, Any], namespace: str) -> ObjectRef:
    group, separator, _ = (found.get("apiVersion") or "apps/v1").partition("/")
    return ObjectRef(
        group if separator else "", found.get("kind", ""), found.get("namespace") or namespace, found.get("name", "")
    )


def _duration(spec: Mapping[str, Any], field: str) -> timedelta | None:
    text = spec.get(field)
    if text is None:
        return None
    try:
        return parse_duration(str(text))
    except ValueError:
        raise Stalled(f"spec.{field}: {text!r} is not a duration", "write it as in 5m or 1h30m") from None
