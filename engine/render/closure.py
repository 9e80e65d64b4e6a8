"""Which files a build may read: found by our own code before the real program starts, and nothing else is given to it.

Every path that a kustomization names is joined below the root of the source. One that leads out is refused with file
and line; so are remote bases, charts and plug-ins. What is named in a way that this module does not know is missing
from the closure, so the real program does not find it: ignorance refuses, it never admits.
Source of what is named where: kubernetes-sigs/kustomize api/types/kustomization.go, api/internal/target/kusttarget.go.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from engine.kube.documents import Limits
from engine.kube.yaml import Dialect, YamlError, read_all, write
from engine.render.base import (
    Bounds,
    BuildError,
    Files,
    LimitError,
    OutsideError,
    kustomization_files,
    line_of,
    quoted,
)
from engine.render.generate import Generated
from engine.render.remote import Address, Held, Mounted, Remote, address_of, checked, place_in

_LIMITS: Final = Limits(bytes=4 * 1024 * 1024, nodes=200_000, aliased=20_000, documents=1_000)
"""Of a kustomization file and of the configuration of a transformer."""
_REMEMBERED: Final = 4096
_MOST_MOUNTS: Final = 16
_REMOTE_STARTS: Final = ("git::", "gh:", "ssh://", "https://", "http://", "file://", "git@", "org-", "github.com")
_REMOTE_MARKS: Final = ("?ref=", "?version=", "_git/", ".git", "//")
_PATH_FIELDS: Final = ("path", "paths", "files", "envs", "env", "valuesFile", "additionalValuesFiles", "valuesFiles")
"""Where the configuration of a built-in generator or transformer names files."""
_REMOTE_CURE: Final = "copy what it holds into the source, or let a source of its own deliver it"


class Step(NamedTuple):
    """One kustomization of a closure."""

    folder: str
    path: str
    """Of its file."""
    value: Mapping[str, Any]


class Closure(NamedTuple):
    """All that one build may read."""

    folder: str
    """Where it begins."""
    steps: Mapping[str, Step]
    """The kustomizations by folder, the first one first."""
    files: frozenset[str]
    """Every file but the one with which the build begins, which is `root`."""
    manifests: frozenset[str]
    """Those of them that resources come from."""
    root: Generated
    source: Files
    """The source, with fetched bases in it."""
    rewritten: Mapping[str, bytes]
    """Kustomization files that name fetched bases by where they stand now."""


class Reader:
    """Reads kustomization files, each content once; used by many threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def documents(self, files: Files, path: str) -> list[Any]:
        """The documents of a file, which nobody changes. Raises: BuildError."""
        digest = files.files[path].digest
        with self._lock:
            found: list[Any] | None = self._known.get(digest)
            if found is not None:
                self._known.move_to_end(digest)
                return found
        try:
            found = read_all(files.read(path), dialect=Dialect.V2, source=path, limits=_LIMITS)
        except YamlError as error:
            raise BuildError(error.message, error.hint) from error
        with self._lock:
            self._known[digest] = found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def closure(
    files: Files, root: Generated, folder: str, *, reader: Reader, bounds: Bounds, remote: Remote | None = None
) -> Closure:
    """The closure of a build that begins with `root` in `folder`. `remote` fetches what is elsewhere.

    Raises: BuildError.
    """
    walk = _Walk(files, reader, bounds, remote)
    walk.begin(root, folder)
    return Closure(
        folder=folder,
        steps=walk.steps,
        files=frozenset(walk.found - {root.path}),
        manifests=frozenset(walk.manifests),
        root=root._replace(value=dict(walk.steps[folder].value)),
        source=walk.files,
        rewritten={path: data for path, data in walk.rewritten.items() if path != root.path},
    )


class _Walk:
    """The closure while it grows."""

    def __init__(self, files: Files, reader: Reader, bounds: Bounds, remote: Remote | None) -> None:
        self.files = files
        self.own = files
        self.remote = remote
        self.mounts: dict[str, Files] = {}
        self.rewritten: dict[str, bytes] = {}
        self.moved: dict[tuple[str, str], str] = {}
        self.reader = reader
        self.bounds = bounds
        self.steps: dict[str, Step] = {}
        self.found: set[str] = set()
        self.manifests: set[str] = set()
        self.open: list[str] = []

    def begin(self, root: Generated, folder: str) -> None:
        self.only(kustomization_files(self.files, folder))
        self.step(Step(folder, root.path, root.value))

    def only(self, paths: list[str]) -> None:
        """Take in the kustomization file of a folder, which may have one."""
        for path in paths:
            self.add(path)
        if len(paths) > 1:
            raise BuildError(
                f"{paths[0]}: the folder also has " + " and ".join(map(quoted, paths[1:])),
                "keep one of them",
            )

    def add(self, path: str) -> None:
        self.found.add(path)
        if len(self.found) > self.bounds.files:
            raise LimitError(f"more than {self.bounds.files} files in one build", "split the kustomization")

    def folder(self, folder: str, by: Step, words: str) -> None:
        """A folder that a kustomization takes in."""
        if folder in self.open:
            raise BuildError(
                f"{self.at(by, words)}: takes in itself: " + " -> ".join(map(quoted, [*self.open, folder])),
                "take this entry out",
            )
        if folder in self.steps:
            return
        paths = kustomization_files(self.files, folder)
        if not paths:
            raise BuildError(
                f"{self.at(by, words)}: the folder {quoted(folder)} has no kustomization file",
                "add a kustomization.yaml there, or list its files",
            )
        self.only(paths)
        documents = self.reader.documents(self.files, paths[0])
        value = documents[0] if documents else {}
        if not isinstance(value, dict):
            raise BuildError(f"{paths[0]}: not a mapping", "a kustomization file is a mapping of its fields")
        self.step(Step(folder, paths[0], value))

    def step(self, step: Step) -> None:
        self.steps[step.folder] = step
        if len(self.steps) > self.bounds.kustomizations or len(self.open) >= self.bounds.depth:
            raise LimitError(
                f"{step.path}: more than {self.bounds.kustomizations} kustomizations, or more than "
                f"{self.bounds.depth} inside each other",
                "flatten the bases",
            )
        self.open.append(step.folder)
        value = step.value
        for field in ("helmCharts", "helmChartInflationGenerator"):
            if value.get(field):
                raise BuildError(
                    f"{self.at(step, field)}: charts are not inflated in a kustomization",
                    "use a HelmRelease, or commit what the chart renders",
                )
        for field in ("resources", "bases"):
            for path in self.texts(step, field):
                self.resource(step, path)
        for path in self.texts(step, "components"):
            self.component(step, path)
        self.named_files(step)
        for field in ("generators", "transformers", "validators"):
            for path in self.texts(step, field):
                self.configuration(step, path)
        self.open.pop()
        self.rewrite(step)

    def rewrite(self, step: Step) -> None:
        """Name what was fetched by where it stands."""
        moved = {text: path for (folder, text), path in self.moved.items() if folder == step.folder}
        if moved:
            value = dict(step.value)
            for field in ("resources", "bases", "components"):
                if value.get(field):
                    value[field] = [moved.get(text, text) for text in value[field]]
            self.steps[step.folder] = step._replace(value=value)
            self.rewritten[step.path] = write(value).encode()

    def resource(self, step: Step, path: str) -> None:
        place = self.here(step, path)
        if place in self.files.files:
            self.add(place)
            self.manifests.add(place)
        else:
            self.folder(place, step, path)

    def component(self, step: Step, path: str) -> None:
        place = self.here(step, path)
        if not self.files.has_folder(place):
            raise self.missing(step, path, place)
        self.folder(place, step, path)

    def here(self, step: Step, path: str) -> str:
        """The file or folder that an entry means, fetched where it is elsewhere. Raises: BuildError."""
        place = place_in(step.folder, path)
        if place is not None and (place in self.files.files or self.files.has_folder(place)):
            return place
        address = address_of(path) if self.remote is not None else None
        if self.remote is None or address is None:
            raise self.missing(step, path, place)
        place = self.mount(self.remote, address)
        if place not in self.files.files and not self.files.has_folder(place):
            raise BuildError(
                f"{self.at(step, path)}: the repository has no {quoted(address.folder)}", "check the path and the ref"
            )
        up = "../" * (step.folder.count("/") + 1 if step.folder else 0)
        self.moved[step.folder, path] = up + place
        return place

    def mount(self, remote: Remote, address: Address) -> str:
        """Fetch what an address names, once for a build; returns its place. Raises: BuildError, and what it raises."""
        name = address.folder
        if address.is_file:
            name = "resource.yaml"
        if address.mount not in self.mounts:
            checked(self.own)
            if len(self.mounts) >= _MOST_MOUNTS:
                raise LimitError(f"more than {_MOST_MOUNTS} remote bases in one build", "copy some into the source")
            self.mounts[address.mount] = (
                Held([(name, remote.file(address.url))])
                if address.is_file
                else remote.repository(address.url, address.ref)
            )
            self.files = Mounted(self.own, dict(self.mounts))
        return f"{address.mount}/{name}" if name else address.mount

    def named_files(self, step: Step) -> None:
        """Files that fields of the kustomization name, all but resources."""
        value = step.value
        for field in ("crds", "configurations"):
            for path in self.texts(step, field):
                self.file(step, path)
        schema = value.get("openapi")
        if isinstance(schema, dict) and isinstance(schema.get("path"), str):
            self.file(step, schema["path"])
        for field in ("patches", "patchesJson6902", "replacements"):
            for item in self.mappings(step, field):
                if isinstance(item.get("path"), str) and item["path"]:
                    self.file(step, item["path"])
        for text in self.texts(step, "patchesStrategicMerge"):
            self.file_or_text(step, text)
        for field in ("configMapGenerator", "secretGenerator"):
            for item in self.mappings(step, field):
                for path in sources_of(item):
                    self.file(step, path)

    def configuration(self, step: Step, text: str) -> None:
        """An entry of `generators` and its like: a text, a file, or a folder; what is configured names files too."""
        place = place_in(step.folder, text) if "\n" not in text else None
        if place is not None and place in self.files.files:
            self.add(place)
            self.manifests.add(place)
            documents = self.reader.documents(self.files, place)
        elif place is not None and self.files.has_folder(place):
            self.folder(place, step, text)
            documents = self.configured_by(place)
        elif "\n" in text or ": " in text:
            try:
                documents = read_all(text.encode(), dialect=Dialect.V2, source=step.path, limits=_LIMITS)
            except (YamlError, UnicodeEncodeError):
                raise BuildError(f"{self.at(step, text)}: neither a file nor a configuration") from None
        else:
            raise self.missing(step, text, place)
        for document in documents:
            for path, is_certain in _named(document):
                place = place_in(step.folder, path)
                if place is not None and place in self.files.files:
                    self.add(place)
                elif is_certain and "\n" not in path and (place is None or _is_remote(path)):
                    raise self.missing(step, path, place)

    def configured_by(self, folder: str) -> list[Any]:
        """What a kustomization configures, where its resources are generators or transformers."""
        documents: list[Any] = []
        step = self.steps[folder]
        for path in self.texts(step, "resources"):
            place = place_in(folder, path)
            if place is not None and place in self.files.files:
                documents += self.reader.documents(self.files, place)
            elif place is not None and place in self.steps and place not in self.open:
                documents += self.configured_by(place)
        return documents

    def file(self, step: Step, path: str) -> None:
        place = place_in(step.folder, path)
        if place is None or place not in self.files.files:
            raise self.missing(step, path, place)
        self.add(place)

    def file_or_text(self, step: Step, text: str) -> None:
        """A patch may be written down where a file is named."""
        place = place_in(step.folder, text) if "\n" not in text else ""
        if place is None:
            raise self.missing(step, text, place)
        if place in self.files.files:
            self.add(place)

    def missing(self, step: Step, path: str, place: str | None) -> BuildError:
        where = self.at(step, path)
        if _is_remote(path):
            return BuildError(f"{where}: is fetched from elsewhere, which this build does not do", _REMOTE_CURE)
        if place is None:
            return OutsideError(
                f"{where}: leads out of the source", "name a file of the same source, by a path relative to this file"
            )
        return BuildError(
            f"{where}: the source has no {quoted(place)}",
            "check the path, and what the source leaves out by its ignore rules",
        )

    def at(self, step: Step, words: str) -> str:
        """The place of an entry, and the entry: `apps/kustomization.yaml: line 4: "../base"`."""
        line = None
        if step.path in self.files.files:
            line = line_of(self.files.read(step.path), words.split("\n", 1)[0])
        return f"{step.path}: line {line}: {quoted(words)}" if line else f"{step.path}: {quoted(words)}"

    def texts(self, step: Step, field: str) -> Iterator[str]:
        value = step.value.get(field)
        if value is None:
            return
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BuildError(f"{self.at(step, field)}: must be a list of strings", "quote what is no string")
        yield from value

    def mappings(self, step: Step, field: str) -> Iterator[Mapping[str, Any]]:
        value = step.value.get(field)
        if value is None:
            return
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise BuildError(f"{self.at(step, field)}: must be a list of mappings")
        yield from value


def sources_of(generator: Mapping[str, Any]) -> Iterator[str]:
    """The files that a generator of ConfigMaps or Secrets reads: `path` and `key=path`, and files of variables."""
    for field in ("files", "envs"):
        value = generator.get(field)
        for text in value if isinstance(value, list) else ():
            if isinstance(text, str):
                yield text.partition("=")[2] or text if field == "files" else text
    if isinstance(generator.get("env"), str) and generator["env"]:
        yield generator["env"]


def _named(document: Any, parent: str = "", depth: int = 0) -> Iterator[tuple[str, bool]]:
    """The paths in the configuration of a built-in generator or transformer, wherever in it they stand.

    With each whether it is certainly one of a file: `path` also names fields of objects (`/metadata/name`).
    """
    if isinstance(document, list):
        for item in document:
            yield from _named(item, parent, depth)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in _PATH_FIELDS:
                is_certain = key != "path" or not depth or parent == "replacements"
                for text in value if isinstance(value, list) else [value]:
                    if isinstance(text, str) and text:
                        yield (text.partition("=")[2] or text if key == "files" else text), is_certain
            yield from _named(value, key, depth + 1)


def _is_remote(path: str) -> bool:
    low = path.lower()
    return low.startswith(_REMOTE_STARTS) or (
        any(mark in low for mark in _REMOTE_MARKS) and not low.startswith((".", "/"))
    )
