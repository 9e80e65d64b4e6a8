"""Whether and where a live object and the same one after an apply differ, as it may be shown.

This is where Secrets are masked, and the only place: whoever shows objects goes through `Masks`, or `masked` and
`difference` below it. Equal values have equal masks, so that a reader sees what changes; a mask says nothing about its
value to who lacks the key.
"""

import base64
import binascii
import difflib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple

import orjson

from engine.desired import ref_of
from engine.kube.refs import ObjectRef
from engine.kube.yaml import write
from engine.ownership import metadata_of

Object = dict[str, Any]

CONTEXT: Final = 3
"""Lines around a change."""
MOST_LINES: Final = 4000
"""Lines that are compared, on either side, after what both begin and end with: the work grows with their square."""
MOST_SHOWN: Final = 1000
"""Lines of one difference."""
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl keeps the whole object in it, also of a Secret."""
_BOOKKEEPING: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
_SEALED: Final = re.compile(r"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]*(?:,[a-z]+:[A-Za-z0-9+/=]+)+\]")
"""A value that SOPS encrypted, whole: a value that only begins so may be anybody's."""
_SHORTEST: Final = 4
"""Characters of a hidden value that is looked for in texts: shorter ones are everywhere."""
_HIDDEN: Final = "(masked)"
_MARKS: Final = {"created": "+", "deleted": "-", "configured": "~", "unchanged": "="}


class Difference(NamedTuple):
    """One object before and after. `lines` are those of a unified diff of its YAML, without its head."""

    ref: ObjectRef
    word: Literal["created", "configured", "deleted", "unchanged"]
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.word != "unchanged"

    def render(self, form: Literal["text", "markdown"] = "text") -> str:
        """The object and its lines; nothing in it can end the block of Markdown it stands in."""
        head = f"{self.ref} {self.word}"
        if form == "text":
            return "\n".join((f"{_MARKS[self.word]} {head}", *(f"  {line}" for line in self.lines)))
        body = "\n".join(self.lines)
        fence = "`" * max(3, _longest_run(body) + 1)
        return f"<details>\n<summary>{_escaped(head)}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>"


class Masks:
    """The masks of one report or run, under a key of its own, which is never shown: nobody can try out values against
    masks that were kept."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._hidden: set[str] = set()

    def hide(self, value: str) -> None:
        """Remember a value that is secret wherever it stands: a variable that comes from a Secret."""
        if len(value) >= _SHORTEST:
            self._hidden.add(value)

    def text(self, text: str) -> str:
        """A text without the values that are hidden."""
        for value in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(value, _HIDDEN)
        return text

    def shown(self, obj: Object) -> Object:
        """An object as it may be shown. What SOPS encrypted in it stays as it is."""
        made = masked(obj, self._key)
        if made is obj:
            return obj
        for field in ("data", "stringData"):
            masks, values = made.get(field), obj.get(field)
            if isinstance(masks, Mapping) and isinstance(values, Mapping):
                made[field] = {name: values[name] if _may_be_seen(values[name]) else masks[name] for name in masks}
        return made

    def difference(self, old: Object | None, new: Object | None) -> Difference:
        """What differs between two states of one object, of which one may be none."""
        found = difference(old, new, mask=self._key)
        return found._replace(lines=tuple(map(self.text, found.lines))) if self._hidden else found


def is_different(live: Object, merged: Object) -> bool:
    """Compare labels, annotations and all that is neither metadata nor status, as Flux does.

    Source: fluxcd/pkg ssa/manager_diff.go, hasDrifted.
    """
    return _matter(live) != _matter(merged)


def difference(live: Object | None, merged: Object | None, *, mask: bytes) -> Difference:
    """What an apply changes, or a deletion takes away; one of the two is there. Status and the server's own
    book-keeping do not count. `mask` is the key of the masks: 1 to 64 bytes, made anew for each report."""
    either = merged if merged is not None else live
    assert either is not None  # noqa: S101
    ref = ref_of(either)
    lines = tuple(_compared(_text(live, mask), _text(merged, mask)))
    if live is None:
        return Difference(ref, "created", lines)
    if merged is None:
        return Difference(ref, "deleted", lines)
    return Difference(ref, "configured" if lines else "unchanged", lines)


def masked(obj: Object, key: bytes) -> Object:
    """The object as it may be shown: of a Secret each value is a mask."""
    if (obj.get("apiVersion"), obj.get("kind")) != ("v1", "Secret"):
        return obj
    made = dict(obj)
    for field in ("data", "stringData"):
        if field in obj:
            made[field] = _masks(obj[field], key, is_encoded=field == "data")
    if _LAST_APPLIED in (annotations := metadata_of(obj, "annotations")):
        applied = _mask(str(annotations[_LAST_APPLIED]).encode(errors="surrogatepass"), key)
        made["metadata"] = {**obj["metadata"], "annotations": {**annotations, _LAST_APPLIED: applied}}
    return made


def _may_be_seen(value: object) -> bool:
    return value is None or (isinstance(value, str) and _SEALED.fullmatch(value) is not None)


def _masks(values: object, key: bytes, *, is_encoded: bool) -> object:
    """`data` and `stringData` have equal masks for equal values, since the one becomes the other."""
    if not isinstance(values, Mapping):
        return None if values is None else _mask(repr(values).encode(errors="surrogatepass"), key)
    made = {}
    for name, value in values.items():
        plain = (value if isinstance(value, str) else repr(value)).encode(errors="surrogatepass")
        if is_encoded:
            with suppress(binascii.Error):
                plain = base64.b64decode(plain)
        made[name] = _mask(plain, key)
    return made


def _mask(plain: bytes, key: bytes) -> str:
    return f"(masked {hashlib.blake2b(plain, key=key, digest_size=5).hexdigest()})"


def _text(obj: Object | None, mask: bytes) -> list[str]:
    if obj is None:
        return []
    shown = {name: value for name, value in masked(obj, mask).items() if name != "status"}
    shown["metadata"] = {name: value for name, value in shown["metadata"].items() if name not in _BOOKKEEPING}
    return write(_with_single_metrics(shown)).splitlines()


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """A unified diff. Its positions say nothing to a reader: `@@` alone parts the places."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((number for number, (one, other) in pairs if one != other), min(len(old), len(new)))
    begin = max(0, same - CONTEXT)
    old, new = old[begin:], new[begin:]
    if max(len(old), len(new)) > MOST_LINES:
        yield f"@@ too long to be shown: {len(old)} lines before, {len(new)} after"
        return
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=CONTEXT)):
        if number > MOST_SHOWN:
            yield "@@ there is more"
            return
        if number >= 2:
            yield "@@" if line.startswith("@@") else line


def _longest_run(body: str) -> int:
    """Of back-ticks."""
    longest = run = 0
    for character in body:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _matter(obj: Object) -> bytes:
    """What counts, as text: keys in order, numbers as the server wrote them."""
    kept = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    marks = [metadata_of(obj, "labels"), metadata_of(obj, "annotations")]
    return orjson.dumps([_with_single_metrics(kept), marks], option=orjson.OPT_SORT_KEYS)


def _with_single_metrics(obj: Object) -> Object:
    """Of an autoscaler each metric once, and none that is empty: servers before 1.27 double one in a dry-run
    (kubernetes#118293).

    Source: fluxcd/pkg ssa/normalize/normalize.go, DryRunUnstructured.
    """
    spec = obj.get("spec")
    metrics = spec.get("metrics") if isinstance(spec, dict) else None
    if obj.get("kind") != "HorizontalPodAutoscaler" or not isinstance(spec, dict) or not isinstance(metrics, list):
        return obj
    single: list[Any] = []
    for metric in metrics:
        if isinstance(metric, dict) and metric.get("type") and metric not in single:
            single.append(metric)
    return {**obj, "spec": {**spec, "metrics": single}}
