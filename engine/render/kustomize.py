"""The real kustomize, jailed, over a private folder on a memory file system that holds the closure and nothing else.

Its options are Flux's: no load restriction (the folder is the restriction), no reordering, no plug-ins, no programs, no
charts. Source: fluxcd/pkg kustomize/kustomize_generator.go, Build.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.kube.yaml import write
from engine.render import scratch
from engine.render.base import Bounds, BuildError, Files, LimitError
from engine.render.closure import Closure
from engine.render.jail import Jail, JailError

_OPTIONS: Final = ("--load-restrictor=LoadRestrictionsNone", "--reorder=none")
_SHOWN: Final = 600
_NOISE: Final = re.compile(
    r"^(?:# Warning: .*|Flag --.* deprecated.*|goroutine \d+ .*(?:\n.*)*|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d .*)$\n?",
    re.MULTILINE,
)
_PATCH_FILE: Final = re.compile(r" with config: `\npath: ([\w./-]{1,200})\n`")
"""A patch that is a file and nothing else: the name says where to look, and is no value of an object."""
_DUMPED: Final = re.compile(r"(?: in (?:object|\S*file)?)?[:,]? *(?:&?\w*\{.*|`.*|map\[.*|\[?\{.*)", re.DOTALL)
"""From where on a message shows values of an object, in Go's form or as JSON."""
_WRAPPED: Final = re.compile(
    r"accumulating (?:resources|components): |accumulat\w+ err=|': must build at directory: .*"
    r"|accumulating resources from '[^']*': read \S+: is a directory': |(?<=loading KV pairs): .*"
    r"|\.\[no(?:Grp|Ns|Ver)\]|\[noName\]",
    re.DOTALL,
)
"""What kustomize says around its reasons, since it tries a file as a folder too; and what generators read."""
_CURES: Final = (
    ("already registered id", "two files hold the same object; take one of them out"),
    ("no matches for Id", "the target of a patch is not among the resources; check its kind, name and namespace"),
    ("MalformedYAMLError", "check the indentation and the quotes of the file that is named"),
    ("missing metadata.name", "every object needs a metadata.name"),
    ("unknown field", "check the spelling of the field, and which version of kustomize knows it"),
    ("behavior must be merge or replace", "a generator makes what is there already; set its behavior, or rename it"),
    ("produces ID conflict", "two objects become one in that namespace; rename one of them"),
    ("trouble configuring builtin PatchTransformer", "a patch is neither an object nor a list of operations"),
    ("does not apply", "an operation of a patch finds nothing at its path"),
    ("does not match a config with the following GVK", "replicas name a workload that is not among the resources"),
    ("expected kind 'Component'", "the file of a component says kind: Component, with its own apiVersion"),
    ("expected kind != 'Component'", "list it under components, not under resources"),
    ("nothing selected by", "the source of a replacement is not among the resources"),
    ("loading KV pairs", "every literal and every line of variables is KEY=VALUE, and every key is there once"),
    ("is empty", "a kustomization file must say something"),
    ("multiple kustomization files", "keep one of kustomization.yaml, kustomization.yml and Kustomization"),
)


class Kustomize:
    """One kustomize program; used by many threads at once."""

    def __init__(self, program: Path, jail: Jail, memory: Path, bounds: Bounds) -> None:
        """`memory` is a folder on a memory file system, since what is put there may be decrypted."""
        self._program = program
        self._jail = jail
        self._memory = memory
        self._bounds = bounds

    def build(self, files: Files, closure: Closure, changed: Mapping[str, bytes], *, is_secret: bool) -> bytes:
        """The stream of objects that kustomize prints. `changed` are files with another content than the source's.

        With `is_secret` the message of a failure has nothing that could come from inside a file.

        Raises: BuildError.
        """
        try:
            folder = scratch.new(self._memory)
        except OSError as error:
            raise BuildError(
                f"no folder to build in: {(error.strerror or str(error)).lower()}",
                "is the memory volume mounted and free?",
            ) from error
        try:
            self._fill(folder, files, closure, changed)
            return self._jail.run(
                [str(self._program), "build", *_OPTIONS, closure.folder or "."],
                folder=folder,
                timeout_seconds=self._bounds.seconds,
                memory_bytes=self._bounds.memory_bytes,
                output_bytes=self._bounds.output_bytes,
            )
        except JailError as error:
            told = _told(error, closure, str(folder), is_secret=is_secret)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        raise BuildError(*told)  # here, so that nothing leads from it to the words of the program

    def _fill(self, folder: Path, files: Files, closure: Closure, changed: Mapping[str, bytes]) -> None:
        made: set[Path] = set()
        total = 0
        try:
            for path in sorted(closure.files):
                data = changed[path] if path in changed else files.read(path)
                total += len(data)
                if total > self._bounds.input_bytes:
                    raise LimitError(
                        f"more than {self._bounds.input_bytes} bytes in the files of one build",
                        "split the kustomization",
                    )
                _write(folder / path, data, made)
            _write(folder / closure.root.path, write(closure.root.value).encode(), made)
            for step in closure.steps:
                (folder / step).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuildError(
                f"the files of a build cannot be laid out: {(error.strerror or str(error)).lower()}",
                "is the memory volume large enough?",
            ) from error


def _write(path: Path, data: bytes, made: set[Path]) -> None:
    if path.parent not in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        made.add(path.parent)
    path.write_bytes(data)


def _told(error: JailError, closure: Closure, folder: str, *, is_secret: bool) -> tuple[str, str | None]:
    """Message and cure from kustomize's own words: one line, without our folder, without values."""
    place = closure.root.path
    text = _NOISE.sub("", error.output.decode("utf-8", "replace")).strip()
    if text.startswith("jail: "):
        return f"{place}: kustomize could not be locked in ({text.removeprefix('jail: ')[:80]})", None
    if "cannot allocate memory" in text or "out of memory" in text or error.code == -9:
        return f"{place}: kustomize ran out of memory or time", "split the kustomization"
    cure = next((cure for words, cure in _CURES if words in text), None)
    if is_secret:
        return f"{place}: kustomize failed; its words may hold decrypted values and are not shown", cure
    text = text.removeprefix("Error: ").replace(folder + "/", "").replace(folder, ".")
    text = _PATCH_FILE.sub(r" from \1", text)
    text = " ".join(_WRAPPED.sub("", _DUMPED.sub("", text)).split()).strip("' ")
    if len(text) > _SHOWN:
        text = text[: _SHOWN // 2] + " ... " + text[-_SHOWN // 2 :]
    return f"{place}: {text or 'kustomize failed'}", cure
