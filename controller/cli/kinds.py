"""The kinds that the verbs of deliveries know: how the API serves them, what people call them, what they are asked.

Everything that differs between kinds stands in this table; verbs ask it and name no kind themselves.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.kube.refs import ObjectRef, Resource

_SOURCE_GROUP = "source.toolkit.fluxcd.io"


class Kind(NamedTuple):
    """One kind of custom resource."""

    resource: Resource
    short_names: tuple[str, ...]
    revision: tuple[str, ...] = ()
    """Where its status says what it has come to; empty for a kind without revisions."""
    is_suspendable: bool = True
    is_reconciled: bool = True
    """Whether a controller of deliveries works on it, which can be asked to do so now."""
    source: tuple[str, ...] = ()
    """Where it names the object that it takes its content from."""

    @property
    def name(self) -> str:
        """`Kustomization`."""
        return self.resource.kind

    @property
    def words(self) -> tuple[str, ...]:
        """What it is called on a command line, the usual word first."""
        plural = self.resource.plural
        return (plural, self.name.lower(), *self.short_names, f"{plural}.{self.resource.group}")

    def revision_of(self, obj: Mapping[str, Any]) -> str:
        """The revision that the object has fetched or applied; empty before the first."""
        return text_at(obj, *self.revision) if self.revision else ""

    def source_of(self, obj: Mapping[str, Any]) -> ObjectRef | None:
        """What the object takes its content from, as its spec says it."""
        if not self.source:
            return None
        ref = mapping_at(obj, *self.source)
        kind, name = text_at(ref, "kind"), text_at(ref, "name")
        group = text_at(ref, "apiVersion").rpartition("/")[0] or _SOURCE_GROUP
        own = text_at(obj, "metadata", "namespace")
        return ObjectRef(group, kind, text_at(ref, "namespace") or own, name) if kind and name else None

    def ref_of(self, obj: Mapping[str, Any]) -> ObjectRef:
        """The identity of one object of this kind."""
        where, name = text_at(obj, "metadata", "namespace"), text_at(obj, "metadata", "name")
        return ObjectRef(self.resource.group, self.name, where, name)


GIT_REPOSITORY = Kind(
    Resource(_SOURCE_GROUP, "v1", "gitrepositories", "GitRepository"),
    ("gitrepo",),
    revision=("status", "artifact", "revision"),
)
EXTERNAL_ARTIFACT = Kind(
    Resource(_SOURCE_GROUP, "v1", "externalartifacts", "ExternalArtifact"),
    ("ea",),
    revision=("status", "artifact", "revision"),
    is_suspendable=False,
    is_reconciled=False,
)
KUSTOMIZATION = Kind(
    Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization"),
    ("ks",),
    revision=("status", "lastAppliedRevision"),
    source=("spec", "sourceRef"),
)
RECEIVER = Kind(Resource("notification.toolkit.fluxcd.io", "v1", "receivers", "Receiver"), ())

KINDS = (GIT_REPOSITORY, EXTERNAL_ARTIFACT, KUSTOMIZATION, RECEIVER)
"""In the order of work: sources, what applies them, what wakes them."""
SOURCES = (GIT_REPOSITORY, EXTERNAL_ARTIFACT)
SOURCE_WORDS = {"git": GIT_REPOSITORY, "external": EXTERNAL_ARTIFACT}
"""What follows `source` or `sources`, as in `sources git`, which fingers that know Flux's program type."""
ALL = "all"
WORDS = (ALL, *(word for kind in KINDS for word in (kind.words[0], *kind.short_names)))
"""What a shell offers."""


def named(word: str) -> Kind | None:
    """The kind that a person means, in whatever case: plural, singular, short, or with its group."""
    lower = word.lower()
    return next((kind for kind in KINDS if lower in kind.words), None)


def of_kind(name: str) -> Kind | None:
    """The kind of a manifest's word: `GitRepository`."""
    return next((kind for kind in KINDS if kind.name == name), None)


def mapping_at(obj: object, *path: str) -> Mapping[str, Any]:
    """The object at a path; empty where there is none, or something else: what a cluster holds may be anything."""
    for field in path:
        obj = obj.get(field) if isinstance(obj, Mapping) else None
    return obj if isinstance(obj, Mapping) else {}


def text_at(obj: object, *path: str) -> str:
    """The string at a path; empty where there is none, or something else."""
    found = mapping_at(obj, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""
