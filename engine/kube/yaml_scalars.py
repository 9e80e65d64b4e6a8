"""What a scalar means: the rules of the two Go libraries that Kubernetes tools read YAML with.

A scalar becomes what Go would make of it: None, bool, int (64 bits, signed or not), float (everything beyond) or str.
The dialects differ in which words are booleans and in what a timestamp is; numbers are the same.

Source: resolve.go of go.yaml.in/yaml/v2 2.4.3 and v3 3.0.4, asked again by tests/engine/kube/test_yaml_judged.py.
"""

from enum import Enum
from math import inf, isinf, nan

from engine.kube import timestamps
from engine.kube.go_numbers import INT_MIN, UINT_END

Scalar = None | bool | int | float | str


class Dialect(Enum):
    """Which Go library a document is meant for."""

    V2 = "yaml.v2"
    """kubectl, Helm, kubeseal (sigs.k8s.io/yaml): `y yes on n no off` are booleans, as keys too; dates are strings."""
    V3 = "yaml.v3"
    """kustomize, SOPS: those words are strings; dates are timestamps, which JSON carries in RFC 3339."""


class BadScalar(ValueError):
    """A scalar that its tag or JSON forbids. The text says what is wrong without quoting the scalar."""


NUMERIC = frozenset("+-.0123456789")
"""First characters of everything that is a number or a timestamp."""

_TAGS = "tag:yaml.org,2002:"
_DECIMAL = "0123456789"
_FLOATING = "0123456789.eE+-_"
_PREFIXES = {"x": (16, "0123456789abcdefABCDEF"), "o": (8, "01234567"), "b": (2, "01")}
_LONGEST_INTEGER = 64  # digits of the longest 64-bit number, in base 2

_INFINITE = dict.fromkeys((".nan", ".NaN", ".NAN"), nan) | {
    sign + word: value for sign, value in (("", inf), ("+", inf), ("-", -inf)) for word in (".inf", ".Inf", ".INF")
}


def _spellings(*words: str) -> tuple[str, ...]:
    return tuple(spelling for word in words for spelling in (word, word.capitalize(), word.upper()))


_V3: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", *_spellings("null"))),
    **dict.fromkeys(_spellings("true"), True),
    **dict.fromkeys(_spellings("false"), False),
}
_V2: dict[str, Scalar] = {
    **_V3,
    **dict.fromkeys(("y", "Y", *_spellings("yes", "on")), True),
    **dict.fromkeys(("n", "N", *_spellings("no", "off")), False),
}

WORDS = {Dialect.V2: _V2, Dialect.V3: _V3}
"""Plain scalars that are no strings and no numbers."""


def plain(text: str, dialect: Dialect) -> Scalar:
    """What an untagged scalar without quotes means. Raises: BadScalar."""
    if text[:1] not in NUMERIC:
        return WORDS[dialect].get(text, text)
    value = number(text)
    if value is not None:
        return value
    if dialect is Dialect.V3 and timestamps.looks_dated(text):
        return _timestamp(text) or text
    return text


def tagged(tag: str, text: str, dialect: Dialect) -> Scalar:
    """What a scalar under a tag means, quoted or not. Tags that the libraries do not know leave a string.

    Raises: BadScalar when the scalar is not what the tag says.
    """
    kind = tag.removeprefix(_TAGS) if tag.startswith(_TAGS) else ""
    if kind == "binary":
        return _binary(text)
    if kind == "timestamp":
        if not timestamps.is_one(text):
            raise BadScalar("the value is not what its tag says")
        return _timestamp(text) if dialect is Dialect.V3 else text
    allowed = _KINDS.get(kind)
    if allowed is None:
        return text
    value = plain(text, dialect)
    if kind == "float" and type(value) is int and INT_MIN <= value < -INT_MIN:
        return float(value)
    if type(value) is not allowed:
        raise BadScalar("the value is not what its tag says")
    return value


_KINDS: dict[str, type] = {"null": type(None), "bool": bool, "int": int, "float": float}


def number(text: str) -> int | float | None:
    """The number that a scalar beginning with one of NUMERIC is, or None when it is none.

    Decimal, `0x` `0o` `0b` and, by a leading zero, octal; `_` anywhere after the first character, but after a leading
    point only between digits; what does not fit 64 bits is a float when it is decimal and a string otherwise.
    """
    if text in _INFINITE:
        return _INFINITE[text]
    if text[0] == ".":
        return _floating(text)
    bare = text.replace("_", "")
    sign = bare[0] if bare[0] in "+-" else ""
    digits = bare[1:] if sign else bare
    if digits[:1] == "0" and len(digits) > 1 and digits[1] not in ".eE":
        value = _prefixed(sign, digits)
        if value is not None:
            return value
    elif not digits.strip(_DECIMAL):
        value = _integer(sign, digits, 10)
        if value is not None:
            return value
    return _floating(bare)


def _prefixed(sign: str, digits: str) -> int | None:
    base, alphabet = _PREFIXES.get(digits[1].lower(), (0, ""))
    if not base:
        return _integer(sign, digits[1:], 8) if not digits.strip("01234567") else None
    body = digits[2:]
    if digits[1] == "b" and not sign and body[:1] in ("+", "-"):
        # go-yaml hands what follows `0b` to a parser that takes a sign of its own.
        sign, body = body[0], body[1:]
    return _integer(sign, body, base) if body and not body.strip(alphabet) else None


def _integer(sign: str, digits: str, base: int) -> int | None:
    """The integer if 64 bits hold it; Go reads unsigned ones only where no sign is written."""
    significant = digits.lstrip("0")
    if not digits or len(significant) > _LONGEST_INTEGER:
        return None
    value = int(sign + (significant or "0"), base)
    return value if INT_MIN <= value < (-INT_MIN if sign else UINT_END) else None


def _floating(text: str) -> float | None:
    if text.strip(_FLOATING):
        return None  # float() takes more: spaces, other digits, names
    try:
        value = float(text)
    except ValueError:
        return None
    return None if isinf(value) else value


def _timestamp(text: str) -> str | None:
    try:
        return timestamps.parse(text)
    except ValueError as error:
        raise BadScalar("the timestamp's offset cannot be written in JSON") from error


def _binary(text: str) -> str:
    """The text that base64 carries. Go would replace bytes that are no UTF-8 without a word; we refuse them."""
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(text.replace("\r", "").replace("\n", "").encode("ascii"), strict_mode=True).decode()
    except (Error, UnicodeEncodeError):
        raise BadScalar("the value is not the base64 text that its tag !!binary promises") from None
    except UnicodeDecodeError:
        # None of these is chained: Unicode errors carry the value.
        raise BadScalar("the !!binary value is not text, and JSON carries nothing else") from None
