"""What a scalar of YAML is in a branch: the types of yaml.v3, with times, and with bytes where `!!binary` stands."""

from engine.kube import timestamps
from engine.kube.go_numbers import INT_MIN
from engine.kube.yaml_scalars import NUMERIC, WORDS, BadScalar, Dialect, number, tagged
from sealer.sops.tree import Scalar, Timestamp, to_text

WORDS_V3 = WORDS[Dialect.V3]
_TAGS = "tag:yaml.org,2002:"
_LARGEST = -INT_MIN - 1


def meaning(text: str, tag: str | None, *, is_quoted: bool) -> Scalar:
    """The value of a scalar; other tags than YAML's own leave a string. Raises: BadScalar."""
    if tag is None or tag == "!":  # which yaml.v3 ignores
        value = text if is_quoted else plain(text)
    elif tag == _TAGS + "binary":
        value = _bytes(text)
    elif tag == _TAGS + "timestamp":
        value = _time(text)
        if value is None:
            raise BadScalar("the value is not what its tag says")
    else:
        value = tagged(tag, text, Dialect.V3)
    if type(value) is int and value > _LARGEST:
        raise BadScalar("an integer is larger than 64 bits with a sign can hold")
    return value


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes and tag; an integer may be one that only fits 64 bits without a sign."""
    if text[:1] not in NUMERIC:
        return WORDS_V3.get(text, text)
    value = number(text)
    if value is not None:
        return value
    return (_time(text) or text) if timestamps.looks_dated(text) else text


def _time(text: str) -> Timestamp | None:
    try:
        canonical = timestamps.parse(text)
    except ValueError:
        raise BadScalar("the timestamp's offset is a day or more") from None
    return Timestamp(canonical) if canonical is not None else None


def _bytes(text: str) -> str:
    from binascii import Error, a2b_base64

    try:
        return to_text(a2b_base64(text.replace("\r", "").replace("\n", "").encode("ascii"), strict_mode=True))
    except (Error, UnicodeEncodeError):
        # Not chained: Unicode errors carry the value.
        raise BadScalar("the value is not the base64 text that its tag !!binary promises") from None
