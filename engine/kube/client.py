"""Cluster: read and write the objects of one Kubernetes API server, as plain dicts."""

from collections.abc import Iterator
from typing import Any, Literal

import orjson

from engine import faults
from engine.kube.errors import Gone, Invalid, TooLarge
from engine.kube.message import JSON, Query, parse
from engine.kube.refs import Resource
from engine.kube.session import Session
from engine.kube.status import Target

PAGE = 500
"""Objects per page of a list: client-go's figure."""
SMALLEST_PAGE = 8
"""Where the answers are too large even so, each object has megabytes, and asking for fewer brings nothing."""

Object = dict[str, Any]

_PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
_APPLY = "application/apply-patch+yaml"  # JSON is YAML


class Cluster(Session):
    """One API server. Objects of lists carry their apiVersion and kind, which the server leaves out there.

    Every method raises ApiError, ConfigError and LoginError, and ValueError where a namespace is missing.
    """

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """One object. Raises: NotFound, and NotServed when the kind is unknown."""
        return self._call("GET", resource, namespace, name, verb="get")

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page: int = PAGE,
        limit: int | None = None,
    ) -> Iterator[Object]:
        """The objects of a namespace, or of all for None; `limit` ends it after so many.

        Pages are fetched as they are needed. When the server forgets the list meanwhile (it keeps a state for five
        minutes), the list starts again once, from a newer state, and leaves out what it has handed out already.
        Raises: Gone when that happens a second time.
        """
        given: set[tuple[str, str]] = set()
        for last_try in (False, True):
            try:
                for listed in self.list_pages(
                    resource, namespace, label_selector=label_selector, field_selector=field_selector,
                    page=page if limit is None else min(page, limit),
                ):  # fmt: skip
                    for item in listed["items"]:
                        if (key := _key(item)) not in given:
                            given.add(key)
                            yield item
                        if len(given) == limit:
                            return
            except Gone:
                if last_try or not given:
                    raise
            else:
                return

    def list_pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page: int = PAGE,
        accept: str = JSON,
    ) -> Iterator[Object]:
        """The pages of one consistent list: `metadata.resourceVersion` is the same in all, `items` is always there.

        The first request names no resourceVersion, which asks for the present and not for what some server has cached:
        after a change of servers a cache could show the past, and we would undo what was done since.
        Raises: Gone when the server forgets the list between two pages.
        """
        target = Target.of(resource, "list", namespace, None)
        path = self._path(resource, target, namespace)
        token: str | None = None
        while True:
            query: Query = {
                "limit": str(page),
                "continue": token,
                "labelSelector": label_selector,
                "fieldSelector": field_selector,
            }
            try:
                listed = parse(self.request("GET", path, query=query, accept=accept, target=target), target)
            except TooLarge:
                if page <= SMALLEST_PAGE:
                    raise
                page = max(SMALLEST_PAGE, page // 8)  # a continue token is good for any page size
                continue
            yield _completed(listed, resource)
            token = (listed.get("metadata") or {}).get("continue")
            if not token:
                return

    def create(
        self, resource: Resource, obj: Object, *, field_manager: str | None = None, dry_run: bool = False
    ) -> Object:
        """Raises: AlreadyExists. After Unreachable with `sent` it may exist all the same. `dry_run` as in `apply`."""
        namespace, name = _identity(resource, obj, may_lack_name=True)
        return self._call(
            "POST",
            resource,
            namespace,
            None,
            verb="create",
            body=obj,
            query={"fieldManager": field_manager},
            shown=name,
            dry_run=dry_run,
        )

    def update(self, resource: Resource, obj: Object, *, field_manager: str | None = None) -> Object:
        """Replace a whole object. With `metadata.resourceVersion` only the state that was read: Conflict otherwise."""
        return self._put(resource, obj, None, field_manager)

    def update_status(self, resource: Resource, obj: Object, *, field_manager: str | None = None) -> Object:
        """Replace the status alone; of the rest the server takes nothing. `metadata.resourceVersion` as in `update`."""
        return self._put(resource, obj, "status", field_manager)

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: object,
        *,
        kind: Literal["merge", "json", "strategic"] = "merge",
        subresource: str | None = None,
        field_manager: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Change parts of an object; `strategic` is for built-in kinds only. `dry_run` as in `apply`."""
        return self._call(
            "PATCH", resource, namespace, name, verb="patch", subresource=subresource, body=body,
            query={"fieldManager": field_manager}, content_type=_PATCHES[kind], is_harmless_twice=kind == "merge",
            dry_run=dry_run,
        )  # fmt: skip

    def apply(
        self,
        resource: Resource,
        obj: Object,
        *,
        field_manager: str,
        force: bool = False,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: own exactly the fields in `obj`. Raises: Conflict, a cause per field owned by another.

        With `dry_run` the server answers what it would have made, and keeps nothing. What would be created has no
        `metadata.resourceVersion` in that answer.
        """
        namespace, name = _identity(resource, obj)
        return self._call(
            "PATCH", resource, namespace, name, verb="patch", subresource=subresource, body=obj, content_type=_APPLY,
            query={"fieldManager": field_manager, "force": "true" if force else None}, is_harmless_twice=True,
            dry_run=dry_run,
        )  # fmt: skip

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Literal["Background", "Foreground", "Orphan"] | None = None,
    ) -> None:
        """Delete one object. `uid` and `resource_version` spare one that was made or changed meanwhile: Conflict.

        With finalizers the object stays for a while. Raises: NotFound.
        """
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        wanted = {name: value for name, value in preconditions.items() if value}
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if wanted:
            options["preconditions"] = wanted
        if propagation:
            options["propagationPolicy"] = propagation
        self._call("DELETE", resource, namespace, name, verb="delete", body=options, is_harmless_twice=bool(wanted))

    def _put(self, resource: Resource, obj: Object, subresource: str | None, field_manager: str | None) -> Object:
        namespace, name = _identity(resource, obj)
        return self._call(
            "PUT", resource, namespace, name, verb="update", subresource=subresource, body=obj,
            query={"fieldManager": field_manager},
            is_harmless_twice=bool(obj["metadata"].get("resourceVersion")),  # the second one would be a Conflict
        )  # fmt: skip

    def _call(
        self,
        method: str,
        resource: Resource,
        namespace: str | None,
        name: str | None,
        *,
        verb: str,
        subresource: str | None = None,
        body: object = None,
        query: Query | None = None,
        content_type: str = JSON,
        is_harmless_twice: bool = False,
        shown: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        target = Target.of(resource, verb, namespace, name or shown, subresource)
        if dry_run:
            query = {**(query or {}), "dryRun": "All"}
        elif method != "GET":
            faults.point(f"{verb} {target.text}")
        if resource.namespaced and not namespace:
            raise ValueError(f"{target.text}: a {resource.kind} lives in a namespace, and none was given")
        response = self.request(
            method,
            self._path(resource, target, namespace, name, subresource),
            query=query,
            body=None if body is None else orjson.dumps(body),
            headers=None if body is None else [("Content-Type", content_type)],
            target=target,
            is_harmless_twice=is_harmless_twice,
        )
        return parse(response, target)

    def _path(
        self,
        resource: Resource,
        target: Target,
        namespace: str | None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> str:
        try:
            return resource.path(namespace, name, subresource)
        except ValueError as error:
            raise Invalid(f"{target.text}: invalid: {error}") from None


def _identity(resource: Resource, obj: Object, *, may_lack_name: bool = False) -> tuple[str | None, str]:
    metadata = obj.get("metadata") or {}
    name = metadata.get("name") or ""
    if not name and not (may_lack_name and metadata.get("generateName")):
        raise Invalid(f"{resource.kind}: invalid: metadata.name is missing")
    return metadata.get("namespace"), name or f"{metadata['generateName']}*"


def _key(item: Object) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _completed(listed: Object, resource: Resource) -> Object:
    """A page whose `items` are complete objects: in lists the server leaves out their apiVersion and kind."""
    items = listed["items"] = listed.get("items") or []
    for item in items:
        item.setdefault("apiVersion", resource.api_version)
        item.setdefault("kind", resource.kind)
    return listed
