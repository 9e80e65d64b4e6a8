"""Builds on this machine: what a folder, a file of manifests, or a Flux Kustomization with its folders comes to."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION, text_at
from engine.errors import KsealError
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from contextlib import ExitStack

    from controller.cli.localfiles import SourceFiles
    from controller.cli.variables import Variables
    from controller.flux.spec import Spec
    from engine.build import Builder, Decryptor
    from engine.ownership import Ownership
    from engine.remotebases import RemoteBases
    from engine.render.base import Overlay
    from sealer.cli.terminal import Terminal

PROGRAM: Final = "KSEAL_KUSTOMIZE"
OPTIONS: Final = (
    Option(
        ("--kustomization",),
        "File with a Flux Kustomization, whose spec decides how its folder is built.",
        "FILE",
    ),
    Option(
        ("--source-root",),
        "Folder that stands for the source of a Kustomization, where its paths begin [default: the work tree].",
        "FOLDER",
    ),
    Option(("--set",), "Variable for post-build substitution; wins over all others; may be repeated.", "NAME=VALUE",
           many=True),
    Option(("--env-file",), "File with variables, a line NAME=VALUE each, in place of substituteFrom.", "FILE",
           many=True),
    Option(("--lenient",), "A variable without a value is empty, instead of an error."),
    Option(("--decrypt",), "Decrypt SOPS files with the keys of this machine."),
    Option(("--remote-bases",), "Fetch bases that lie in other repositories; without it nothing is fetched."),
)  # fmt: skip

Object = dict[str, Any]


class Delivery(NamedTuple):
    """A Flux Kustomization from a file or a cluster."""

    raw: Mapping[str, Any]
    spec: "Spec"

    @property
    def ref(self) -> str:
        """`Kustomization/flux-system/apps`."""
        return str(KUSTOMIZATION.ref_of(self.raw))

    @property
    def ownership(self) -> "Ownership":
        """How its objects are marked."""
        from controller.flux.names import Name
        from controller.flux.owning import ownership_of

        ref = KUSTOMIZATION.ref_of(self.raw)
        return ownership_of(
            Name(ref.namespace, ref.name),
            common_labels=self.spec.common_labels,
            common_annotations=self.spec.common_annotations,
        )


class Place(NamedTuple):
    """What is built."""

    files: "SourceFiles"
    path: str | None
    """Of a folder or file among them; None where a Kustomization says it."""
    called: str
    revision: str = ""


class Built(NamedTuple):
    """The objects of one build, and the Kustomization that it was made for, if any."""

    objects: list[Object]
    delivery: Delivery | None


class Bench:
    """What builds share in one run: the renderer, variables, keys."""

    def __init__(
        self,
        builder: "Builder",
        variables: "Variables",
        decryptor: "Decryptor | None",
        terminal: "Terminal",
        *,
        lacks_program: bool,
    ) -> None:
        """`lacks_program`: kustomize was not found on this machine."""
        self._lacks_program = lacks_program
        self._builder = builder
        self._variables = variables
        self._decryptor = decryptor
        self._terminal = terminal

    def build(self, place: Place, deliveries: Sequence[Delivery]) -> list[Built]:
        """The builds that a place stands for: of a folder, or of each Kustomization.

        Raises: KsealError.
        """
        from engine.render.base import Overlay

        if deliveries:
            return [self._delivered(place, one) for one in deliveries]
        path = place.path or ""
        if path in place.files.files:
            return [Built(self._finished(_objects_in(place, path), None), None)]
        return [Built(self._finished(self._built(place, Overlay(path=path)), None), None)]

    def _delivered(self, place: Place, delivery: Delivery) -> Built:
        from dataclasses import replace

        overlay = delivery.spec.overlay if place.path is None else replace(delivery.spec.overlay, path=place.path)
        if not place.files.has_folder(overlay.path):
            raise KsealError(
                f"{delivery.ref}: spec.path: there is no folder {overlay.path} in {place.called}",
                "say where its source lies: --source-root",
            )
        return Built(self._finished(self._built(place, overlay), delivery), delivery)

    def _built(self, place: Place, overlay: "Overlay") -> list[Object]:
        from engine.render.base import BuildError

        try:
            return list(self._builder.build(place.files, overlay, decryptor=self._decryptor).objects)
        except BuildError as error:
            hint = error.hint
            if self._lacks_program and "needs kustomize" in error.message:
                hint = f"install kustomize on the PATH, or name its file: {PROGRAM}=/usr/local/bin/kustomize"
            if "fetched from elsewhere" in error.message:
                hint = f"{error.hint}; or fetch it: --remote-bases" if error.hint else "fetch it: --remote-bases"
            at = f"{place.revision}: " if place.revision else ""
            raise KsealError(at + error.message, hint) from error

    def _finished(self, objects: list[Object], delivery: Delivery | None) -> list[Object]:
        """After the build: substitution, and what marks the objects of a Kustomization."""
        objects = self._variables.substituted(objects, delivery, self._terminal)
        return objects if delivery is None else [_owned(obj, delivery.ownership) for obj in objects]


@contextmanager
def bench(given: Given, environ: Mapping[str, str], variables: "Variables", terminal: "Terminal") -> Iterator[Bench]:
    """The means to build. Raises: Misused, KsealError."""
    import tempfile
    from contextlib import ExitStack

    from engine.build import Builder
    from engine.render.jail import Jail

    memory = Path("/dev/shm")  # noqa: S108  a memory file system: what is decrypted must not touch a disk
    with ExitStack() as stack:
        base = memory if os.access(memory, os.W_OK) else None
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kseal-cli-", dir=base)))
        program = kustomize_program(environ)
        is_remote = given.flag("remote-bases")
        builder = Builder(
            kustomize=program,
            jail=stack.enter_context(Jail()),
            cache=None,
            remote_bases=is_remote,
            remote=_remote_bases(environ, stack) if is_remote else None,
            scratch=scratch,
        )
        decryptor: Decryptor | None = None
        if given.flag("decrypt"):
            from sealer.cli.sops.services import services
            from sealer.sops.decryptor import Decryptor as SopsDecryptor

            keys = services(environ, has_local=True, uris=())
            decryptor = stack.enter_context(SopsDecryptor(keys, warn=terminal.warning))
        yield Bench(builder, variables, decryptor, terminal, lacks_program=program is None)


def _remote_bases(environ: Mapping[str, str], stack: "ExitStack") -> "RemoteBases":
    """What fetches them, without any credentials, as the controller does."""
    import tempfile

    from engine.remotebases import RemoteBases
    from engine.source.git import GitSource
    from engine.source.guard import Guard

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kseal-bases-")))
    guard = Guard()
    return RemoteBases(GitSource(folder, environ=environ, guard=guard), guard)


def kustomize_program(environ: Mapping[str, str]) -> Path | None:
    """The kustomize of this machine; None when there is none, which matters only to builds that need it.

    Folders on the PATH that depend on where we are do not count: a repository must not bring the program.
    Raises: Misused when the environment names one that cannot be run.
    """
    named = environ.get(PROGRAM)
    if named:
        if not os.access(named, os.X_OK):
            raise Misused(f"{PROGRAM}: {named} is no program", hint="name the file of kustomize, or leave it out")
        return Path(named).resolve()
    for folder in filter(os.path.isabs, environ.get("PATH", "").split(os.pathsep)):
        place = Path(folder) / "kustomize"
        if os.access(place, os.X_OK):
            return place
    return None


def deliveries_in(place: Place, namespace: str) -> tuple[list[Delivery], str | None]:
    """The Flux Kustomizations in a file, and the ignore rules of the GitRepository of the first, if that is there.

    Raises: KsealError.
    """
    from engine.kube import manifest

    found, _ = manifest.read(place.files.read(place.path or ""), source=place.called)
    deliveries = [delivery(one.raw, place.called, namespace) for one in found if _is(one.raw, KUSTOMIZATION)]
    sources = {text_at(one.raw, "metadata", "name"): one.raw for one in found if _is(one.raw, GIT_REPOSITORY)}
    if not deliveries:
        return [], None
    source = KUSTOMIZATION.source_of(deliveries[0].raw)
    ignored = text_at(sources.get(source.name), "spec", "ignore") if source else ""
    return deliveries, ignored or None


def delivery(raw: Mapping[str, Any], called: str, namespace: str) -> Delivery:
    """A Kustomization as it is needed here; `namespace` is its own where it names none. Raises: KsealError."""
    from controller.flux import spec

    metadata = raw.get("metadata")
    if not isinstance(metadata, Mapping) or not text_at(raw, "metadata", "name"):
        raise KsealError(f"{called}: a Kustomization without a name")
    raw = {**raw, "metadata": {"namespace": namespace, **metadata}}
    try:
        return Delivery(raw, spec.read(raw))
    except KsealError as error:
        raise KsealError(f"{called}: {KUSTOMIZATION.ref_of(raw)}: {error.message}", error.hint) from error
    except (AttributeError, TypeError) as error:  # its schema has not been checked by an API server
        raise KsealError(
            f"{called}: {KUSTOMIZATION.ref_of(raw)}: a field has another type than its kind allows",
            "the API server would say which: kubectl apply --dry-run=server -f FILE",
        ) from error


def _objects_in(place: Place, path: str) -> list[Object]:
    """The objects of a file of manifests, as they stand. Raises: KsealError."""
    from engine.kube import manifest

    objects, _ = manifest.read(place.files.read(path), source=place.called)
    for one in objects:
        if not (one.api_version and one.kind and one.name):
            raise one.error("an object without apiVersion, kind or metadata.name")
    return [one.raw for one in objects]


def _is(raw: Mapping[str, Any], kind: Any) -> bool:
    group = text_at(raw, "apiVersion").rpartition("/")[0]
    return (group, text_at(raw, "kind")) == (kind.resource.group, kind.name)


def _owned(obj: Object, ownership: "Ownership") -> Object:
    """An object with the marks of its owner and the metadata that it gives to all, as they are applied."""
    metadata = dict(obj.get("metadata") or {})
    for field, more in (
        ("labels", {**ownership.common_labels, **ownership.labels}),
        ("annotations", ownership.common_annotations),
    ):
        own = metadata.get(field)
        if more:
            metadata[field] = {**(own if isinstance(own, Mapping) else {}), **more}
    return {**obj, "metadata": metadata}
