"""Webhooks: a request that proves where it comes from has the objects of its Receiver looked at.

Only POST, only paths that a Receiver has, a bound on the body and on the rate of each path. Answers say nothing: 404
for a path that nobody has, 503 for a Receiver that is suspended or not ready, 400 without proof, 500 when an object
could not be reached. The path itself is a secret and never logged.

Source: flux.md section 7.2; fluxcd/notification-controller internal/server/receiver_handlers.go.
"""

import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from controller.flux import conditions
from controller.flux.conditions import READY
from controller.flux.names import NOTIFICATION_CONTROLLER, REQUESTED_AT, Name
from controller.flux.objects import Objects
from controller.flux.proofs import Denied, admit, decoded, needs_token
from controller.flux.receiver import HOOKS, Filters, read_token
from controller.runtime.http import Route
from controller.runtime.httpwire import Request, Response
from controller.runtime.limiter import Limiter
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import NotFound
from engine.kube.refs import Resource

BODY_LIMIT: Final = 3 << 20
"""The original's."""
RATE: Final = 5.0
"""Requests per second that each path answers in the long run."""
BURST: Final = 49
"""And at once: a forge sends one for each branch of a push."""
MOST_MATCHED: Final = 1000
"""Objects that one name of `*` may mean."""
_PATH: Final = re.compile(r"/hook/[0-9a-f]{64}")
_UNKNOWN: Final = ""
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_ANY: Final = "*"
_SOURCES: Final = "source.toolkit.fluxcd.io/v1"
_DEFAULT_VERSIONS: Final = {
    "Bucket": _SOURCES,
    "HelmChart": _SOURCES,
    "HelmRepository": _SOURCES,
    "GitRepository": _SOURCES,
    "OCIRepository": _SOURCES,
    "ImageRepository": "image.toolkit.fluxcd.io/v1",
    "ArtifactGenerator": "source.extensions.fluxcd.io/v1beta1",
}

Find = Callable[[str, str, str], Resource | None]
"""Group, kind and version -> how the API server serves it: `Discovery.find`."""
Poke = Callable[[dict[str, Any]], None]
"""Given an object that was annotated, as it is now: whoever works on its kind need not wait for the watch."""


class Hooks:
    """The handler. Every replica may have one: it needs a client that writes without being the leader."""

    def __init__(
        self,
        cluster: Cluster,
        receivers: Objects,
        *,
        find: Find,
        filters: Filters,
        poke: Poke,
        log: Any,
        no_cross_namespace: bool = False,
        limiter: Limiter | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._receivers = receivers
        self._find = find
        self._filters = filters
        self._poke = poke
        self._log = log
        self._no_cross_namespace = no_cross_namespace
        self._limiter = limiter or Limiter(RATE, BURST)
        self._now = now
        self._paths: dict[Name, tuple[str, bytes]] = {}
        """What was read from the status of each Receiver, at which version of it."""

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [Route("POST", HOOKS, self._handle, body_limit=BODY_LIMIT, is_tree=True)]

    def _handle(self, request: Request) -> Response:
        found = self._receiver(request)
        verdict = self._limiter.ask(_UNKNOWN if found is None else str(found[0]))
        if not verdict.is_allowed:
            return Response(HTTPStatus.TOO_MANY_REQUESTS, headers=verdict.headers())
        if found is None:
            return Response(HTTPStatus.NOT_FOUND)
        name, raw = found
        spec = raw.get("spec") or {}
        if spec.get("suspend") or not conditions.is_true(raw.get("status"), READY):
            return self._refused(name, HTTPStatus.SERVICE_UNAVAILABLE, "it is suspended or not ready")
        try:
            token = read_token(self._cluster, name, spec) if needs_token(spec.get("type") or "") else b""
            admit(spec.get("type") or "", request, token, spec.get("events") or ())
        except Denied as error:
            return self._refused(name, HTTPStatus.BAD_REQUEST, str(error))
        except KsealError as error:
            return self._refused(name, HTTPStatus.BAD_REQUEST, error.message)
        return self._spread(name, spec, request)

    def _receiver(self, request: Request) -> tuple[Name, dict[str, Any]] | None:
        """Whose path it is. All of them are compared, in the same time each: the path is a secret."""
        if request.query or _PATH.fullmatch(request.path) is None:
            return None
        match = None
        for name in self._receivers.names():
            if hmac.compare_digest(self._path_of(name), request.path.encode()):
                match = name
        seen = self._receivers.get(match) if match is not None else None
        return None if match is None or seen is None or seen.is_deleting else (match, seen.object())

    def _path_of(self, name: Name) -> bytes:
        """Where a Receiver says that it answers; empty where it does not."""
        seen = self._receivers.get(name)
        if seen is None:
            self._paths.pop(name, None)
            return b""
        version, path = self._paths.get(name, ("", b""))
        if version != seen.version:
            path = str((seen.object().get("status") or {}).get("webhookPath") or "").encode()
            self._paths[name] = seen.version, path
        return path

    def _spread(self, name: Name, spec: Mapping[str, Any], request: Request) -> Response:
        """Have every object looked at that is meant; one that cannot be reached does not keep the others."""
        body = decoded(request.body) if _is_json(request) else {}
        if body is None:
            return self._refused(name, HTTPStatus.INTERNAL_SERVER_ERROR, "the body is no JSON")
        failures: list[str] = []
        count = 0
        for reference in spec.get("resources") or ():
            expressions = [text for text in (spec.get("resourceFilter"), reference.get("filter")) if text]
            try:
                for resource, at, metadata in self._meant(name, reference, has_filter=bool(expressions)):
                    if self._passes(expressions, resource, metadata, body):
                        self._annotate(resource, at)
                        count += 1
            except KsealError as error:
                failures.append(f"{reference.get('kind')}/{reference.get('name')}: {error.message}")
        self._log.info("webhook", receiver=str(name), objects=count, failures=failures)
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR if failures else HTTPStatus.OK)

    def _meant(
        self, name: Name, reference: Mapping[str, Any], *, has_filter: bool
    ) -> Iterator[tuple[Resource, Name, dict[str, Any]]]:
        """The objects of a reference; their metadata where somebody asks for them. Raises: KsealError."""
        kind, called = reference.get("kind") or "", reference.get("name") or ""
        namespace = reference.get("namespace") or name.namespace
        if namespace != name.namespace and self._no_cross_namespace:
            raise KsealError("cross-namespace references are not allowed")
        version = reference.get("apiVersion") or _DEFAULT_VERSIONS.get(kind)
        if not version:
            raise KsealError(f'apiVersion must be specified for kind "{kind}"')
        group, separator, number = version.partition("/")
        resource = self._find(group if separator else "", kind, number if separator else group)
        if resource is None or not resource.namespaced:
            raise KsealError(f"the API server does not serve {kind} of {version}")
        if called != _ANY:
            at = Name(namespace, called)
            yield resource, at, self._cluster.get(resource, at.namespace, at.name)["metadata"] if has_filter else {}
            return
        labels = reference.get("matchLabels")
        if labels is None:
            raise KsealError("matchLabels field not set when using wildcard '*' as name")
        selector = ",".join(f"{label}={value}" for label, value in sorted(labels.items()))
        for number_of, metadata in enumerate(self._listed(resource, namespace, selector)):
            if number_of == MOST_MATCHED:
                raise KsealError(f"more than {MOST_MATCHED} objects have the labels", "name fewer of them")
            yield resource, Name(namespace, metadata["name"]), metadata

    def _listed(self, resource: Resource, namespace: str, selector: str) -> Iterator[dict[str, Any]]:
        for page in self._cluster.list_pages(resource, namespace, label_selector=selector, accept=_METADATA):
            for item in page["items"]:
                yield item["metadata"]

    def _passes(
        self, expressions: list[str], resource: Resource, metadata: dict[str, Any], body: dict[str, Any]
    ) -> bool:
        """Whether every filter lets an object pass. Raises: KsealError."""
        res = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        return all(self._filters.is_true(text, {"res": res, "req": body}) for text in expressions)

    def _annotate(self, resource: Resource, at: Name) -> None:
        body = {"metadata": {"annotations": {REQUESTED_AT: self._now().isoformat().replace("+00:00", "Z")}}}
        try:
            answer = self._cluster.patch(resource, at.namespace, at.name, body, field_manager=NOTIFICATION_CONTROLLER)
        except NotFound as error:
            raise KsealError(f"unable to read {resource.kind} '{at}': there is no such object") from error
        self._poke(answer)

    def _refused(self, name: Name, status: HTTPStatus, why: str) -> Response:
        self._log.warning("webhook refused", receiver=str(name), status=status.value, cause=why)
        return Response(status)


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
