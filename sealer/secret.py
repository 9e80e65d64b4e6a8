"""A raw `v1 Secret` as input for sealing: its values, and what an API server would refuse in it.

Sealing is the last moment at which somebody can correct a name or a key; afterwards the mistake only shows in a
cluster. Values never appear in an error, only the path to them.

Source: k8s.io/kubernetes pkg/apis/core/validation ValidateSecret, ValidateObjectMeta; apimachinery util/validation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sealer.encoding import Base64Error, decode
from sealer.errors import FormatError, SealError

FIELDS = frozenset({"apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"})
"""The fields of a Secret; an input's others are ignored, as by every reader of Secrets."""
MOST_VALUE_BYTES = 1 << 20
MOST_ANNOTATION_BYTES = 256 << 10
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_ALPHANUMERIC = _LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_JSON_WORDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def mapping(value: object, path: str) -> dict[str, Any]:
    """A JSON object, or null, which Go reads as an empty one.

    Raises: FormatError.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FormatError(f"{path} is {json_word(value)}, not an object")
    return value


def strings(value: object, path: str) -> dict[str, str]:
    """A JSON object of strings, or null; null inside it is an empty string, as Go reads it.

    Raises: FormatError.
    """
    found = {}
    for key, item in mapping(value, path).items():
        if item is not None and not isinstance(item, str):
            raise FormatError(f'{path}["{key}"] is {json_word(item)}, not a string', hint="put it between quotes")
        found[key] = item or ""
    return found


def string(value: object, path: str) -> str:
    """A JSON string, or null or nothing, which Go reads as an empty one.

    Raises: FormatError.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FormatError(f"{path} is {json_word(value)}, not a string", hint="put it between quotes")
    return value


def boolean(value: object, path: str) -> bool | None:
    """A JSON boolean, or None when there is none.

    Raises: FormatError.
    """
    if value is not None and not isinstance(value, bool):
        raise FormatError(f"{path} is {json_word(value)}, not true or false")
    return value


def string_list(value: object, path: str) -> list[str]:
    """A copy of a JSON list of strings, empty for null.

    Raises: FormatError.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FormatError(f"{path} is not a list of strings")
    return list(value)


def values(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """The plaintext of every item: `data`, then `stringData`, which wins where both have a key.

    Raises: FormatError for a wrong type, for bad base64, for text that has no UTF-8 form.
    """
    found = {}
    for key, text in strings(secret.get("data"), "data").items():
        try:
            found[key] = decode(text)
        except Base64Error as error:
            raise FormatError(f'data["{key}"]: {error}', hint="plain text belongs under stringData") from None
    for key, text in strings(secret.get("stringData"), "stringData").items():
        try:
            found[key] = text.encode()
        except UnicodeEncodeError:
            raise FormatError(f'stringData["{key}"] is not valid Unicode') from None
    return found


def check_values(items: Mapping[str, bytes]) -> None:
    """Raises: SealError for a key, or a size of all values together, that the API refuses."""
    for key in items:
        if problem := key_problem(key):
            raise SealError(f'data key "{key}" {problem}', hint="letters, digits, '-', '_' and '.' only, up to 253")
    total = sum(map(len, items.values()))
    if total > MOST_VALUE_BYTES:
        raise SealError(f"the values have {total} bytes together, more than the {MOST_VALUE_BYTES} of a Secret")


def key_problem(key: str) -> str | None:
    """What is wrong with the key of an item. Source: apimachinery IsConfigMapKey."""
    if not key:
        return "is empty"
    if len(key) > 253:
        return f"has {len(key)} characters, more than 253"
    if not _consists_of(key, _ALPHANUMERIC + "-._"):
        return "has characters that the API refuses"
    if key == "." or key.startswith(".."):
        return "must not be '.' or begin with '..'"
    return None


def check_name(name: str) -> None:
    """Raises: SealError when a Secret cannot have this name (DNS-1123 subdomain)."""
    if len(name) > 253 or not all(map(_is_label, name.split("."))):
        raise SealError(f'"{name}" cannot be the name of a Secret', hint="lower case letters, digits, '-' and '.'")


def check_namespace(namespace: str) -> None:
    """Raises: SealError when there can be no such namespace (DNS-1123 label)."""
    if len(namespace) > 63 or not _is_label(namespace):
        raise SealError(f'"{namespace}" cannot be a namespace', hint="lower case letters, digits and '-', up to 63")


def check_labels(labels: Mapping[str, str]) -> None:
    """Raises: SealError for a label that the API refuses."""
    for key, value in labels.items():
        if not _is_qualified(key):
            raise SealError(f'"{key}" cannot be the key of a label')
        if value and not _is_short_name(value):
            raise SealError(f'label "{key}" has a value that the API refuses', hint="letters, digits, '-_.', up to 63")


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Raises: SealError for an annotation key, or a size of all together, that the API refuses."""
    for key in annotations:
        if not _is_qualified(key.lower()):
            raise SealError(f'"{key}" cannot be the key of an annotation')
    try:
        total = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    except UnicodeEncodeError:
        raise SealError("an annotation is not valid Unicode") from None
    if total > MOST_ANNOTATION_BYTES:
        raise SealError(f"the annotations have {total} bytes together, more than {MOST_ANNOTATION_BYTES}")


def check_finalizers(names: Sequence[str]) -> None:
    """Raises: SealError for a finalizer that the API refuses."""
    for name in names:
        if not _is_qualified(name):
            raise SealError(f'"{name}" cannot be a finalizer')


def json_word(value: object) -> str:
    """How a person calls the type of a JSON value."""
    return _JSON_WORDS.get(type(value), "null")


def _is_qualified(key: str) -> bool:
    """`NAME` or `PREFIX/NAME`. Source: apimachinery IsQualifiedName."""
    prefix, slash, name = key.rpartition("/")
    has_good_prefix = not slash or (len(prefix) <= 253 and all(map(_is_label, prefix.split("."))))
    return has_good_prefix and _is_short_name(name)


def _is_short_name(text: str) -> bool:
    ends = text[:1] + text[-1:]
    return 0 < len(text) <= 63 and _consists_of(text, _ALPHANUMERIC + "-_.") and _consists_of(ends, _ALPHANUMERIC)


def _is_label(text: str) -> bool:
    """One part of a DNS-1123 name; the length of a part of a subdomain is not limited by the API."""
    return bool(text) and _consists_of(text, _LOWER + "-") and not (text.startswith("-") or text.endswith("-"))


def _consists_of(text: str, alphabet: str) -> bool:
    return not text.strip(alphabet)
