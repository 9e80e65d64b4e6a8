"""ConfigMaps and Secrets that a kustomization makes of files and literals, and the digest in their names.

Source: kubernetes-sigs/kustomize api/internal/generators, api/kv/kv.go, api/hasher/hasher.go, kyaml/yaml/datamap.go.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from engine.render.base import Unusual
from engine.render.resources import check_pairs

_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_VARIABLE: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_LINE_BYTES: Final = 60_000
"""The reader of variables silently stops at a line of 64 KiB."""
_BASE64_WIDTH: Final = 70
_ALPHABET: Final = str.maketrans("013ae", "ghkmt")
_GO_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

Read = Callable[[str], bytes]
"""The content of a file by its path as the kustomization names it."""


def generated(
    kind: str, wanted: Mapping[str, Any], shared: Mapping[str, Any] | None, read: Read
) -> tuple[dict[str, Any], bool]:
    """The object, and whether a digest belongs into its name. Raises: Unusual."""
    options = _options(wanted.get("options"), shared)
    if not wanted.get("name") or wanted.get("behavior") not in (None, "", "create"):
        raise Unusual("a generator that changes something, or has no name")
    metadata: dict[str, Any] = {"name": wanted["name"]}
    metadata |= {"namespace": wanted["namespace"]} if wanted.get("namespace") else {}
    metadata |= {field: dict(options[field]) for field in ("labels", "annotations") if options.get(field)}
    check_pairs(metadata)
    result: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    if kind == "Secret":
        result["type"] = wanted.get("type") or "Opaque"
    data: dict[str, str] = {}
    for key, value in _pairs(wanted, read):
        if not _KEY.fullmatch(key) or key in data:
            raise Unusual("a key that is none, or is there twice")
        data[key] = _base64(value) if kind == "Secret" else _text(value)
    if data:
        result["data"] = data
    elif kind == "Secret":
        raise Unusual("a Secret without data")
    if options.get("immutable"):
        result["immutable"] = True
    return result, not options.get("disableNameSuffixHash")


def digest_of(obj: Mapping[str, Any]) -> str:
    """What is appended to the name of a generated object, after a hyphen. Raises: Unusual."""
    # The name is meant to be in it, but is looked up by a path that leads nowhere.
    told: dict[str, Any] = {"kind": obj["kind"], "name": "", "data": obj.get("data", "")}
    if obj["kind"] == "Secret":
        told["type"] = obj.get("type", "")
        if isinstance(obj.get("stringData"), dict):
            told["stringData"] = obj["stringData"]
    elif isinstance(obj.get("binaryData"), dict):
        told["binaryData"] = obj["binaryData"]
    try:
        text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise Unusual("a number that JSON does not carry") from None
    for character, escaped in _GO_ESCAPES.items():
        text = text.replace(character, escaped)
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_ALPHABET)


def _options(own: Mapping[str, Any] | None, shared: Mapping[str, Any] | None) -> dict[str, Any]:
    options: dict[str, Any] = dict(own or {})
    for field, value in (shared or {}).items():
        if field in ("labels", "annotations"):
            options[field] = {**(value or {}), **(options.get(field) or {})}
        elif value:
            options[field] = value
    return options


def _pairs(wanted: Mapping[str, Any], read: Read) -> Iterator[tuple[str, bytes]]:
    """Keys and values in kustomize's order: files of variables, literals, files."""
    for path in (*(wanted.get("envs") or ()), *([wanted["env"]] if wanted.get("env") else ())):
        yield from _variables(read(path))
    for text in wanted.get("literals") or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise Unusual("a literal without a key")
        yield key, _unquoted(value).encode()
    for text in wanted.get("files") or ():
        key, equals, path = text.partition("=")
        if equals and (not key or not path or "=" in path):
            raise Unusual("a file of another form")
        if text.endswith("/"):
            raise Unusual("a file that is a folder")
        yield (key, read(path)) if equals else (text.rpartition("/")[2], read(text))


def _variables(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Unusual("variables that are no text") from None
    for number, line in enumerate(data.split(b"\n")):
        if len(line) > _LINE_BYTES:
            raise Unusual("a long line of variables")
        text = (line.removeprefix(b"\xef\xbb\xbf") if not number else line).removesuffix(b"\r").lstrip(b" \t")
        if not text or text.startswith(b"#"):
            continue
        key, _, value = text.partition(b"=")
        if not _VARIABLE.fullmatch(key):
            raise Unusual("a variable of another form")
        yield key.decode(), value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Unusual("a ConfigMap of bytes") from None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _base64(value: bytes) -> str:
    """In lines, each with its break, where there are several; a length just at the width gets one as well."""
    text = b64encode(value).decode()
    if len(text) // _BASE64_WIDTH + 1 == 1:
        return text
    lines = [text[at : at + _BASE64_WIDTH] for at in range(0, len(text), _BASE64_WIDTH)]
    return "".join(f"{line}\n" for line in lines)
