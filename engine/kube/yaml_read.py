"""From the bytes of a YAML stream to its documents: encodings, libyaml, and what goes wrong in either, by line."""

from collections.abc import Callable
from typing import TypeVar

from engine.kube.documents import Document, Limits
from engine.kube.libyaml import MarkedYAMLError, YAMLError
from engine.kube.yaml import YamlError
from engine.kube.yaml_budget import Refusal
from engine.kube.yaml_build import Builder
from engine.kube.yaml_scalars import Dialect

Built = TypeVar("Built")

_MARK = "\ufeff".encode()
_BREAKS = tuple(character.encode() for character in "\n\r\x85\u2028\u2029")

_TAG_DIRECTIVES = 5_000  # libyaml compares each with all before it, long before we see the first

_HINTS = {
    "found character that cannot start any token": "indent with spaces, not tabs; quote what begins with @, ` or %",
    "mapping values are not allowed in this context": 'check the indentation; quote values that hold ": "',
    "could not find expected ':'": "check the indentation; a key and its colon belong on one line",
    "did not find expected key": "check the indentation, and the quotes of the lines before",
}


def read(data: bytes, dialect: Dialect, source: str, limits: Limits) -> list[Document]:
    """What engine.kube.yaml.read_documents promises."""
    try:
        return built(data, limits, lambda text: Builder(text, dialect, limits).stream())
    except YamlError as error:
        raise YamlError(f"{source}: {error.message}", error.hint) from None


def built(data: bytes, limits: Limits, build: Callable[[bytes], Built]) -> Built:
    """What `build` makes of the input as UTF-8, without its byte order mark.

    Raises: YamlError, without a source, for what `build` raises: Refusal, and libyaml's own errors.
    """
    if len(data) > limits.bytes:
        raise YamlError(f"{len(data)} bytes are more than the {limits.bytes} that are read")
    data = _utf_8(data)
    if data.count(b"%TAG") > _TAG_DIRECTIVES:
        raise YamlError(f"more than {_TAG_DIRECTIVES} times %TAG")
    try:
        return build(data)
    except Refusal as refusal:
        raise YamlError(f"line {refusal.line}: {refusal}", refusal.hint) from None
    except MarkedYAMLError as error:
        # libyaml's texts are constants; none holds a piece of the input.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"line {line}: {error.problem}", _HINTS.get(error.problem or "")) from None
    except YAMLError as error:
        # Its own text would name the byte.
        line = _line(data, getattr(error, "position", 0))
        raise YamlError(f"line {line}: {getattr(error, 'reason', 'not text')}", "YAML is UTF-8 text") from None
    except UnicodeDecodeError:
        # An escape in a tag stands for half a surrogate pair. Not chained: that error carries the tag.
        raise YamlError("a tag is not text") from None


def _utf_8(data: bytes) -> bytes:
    """The input without its byte order mark, brought from UTF-16 to UTF-8 when the mark says so. Raises: YamlError.

    Marks at the start of later lines, as `cat` makes them of several files, are refused: libyaml skips them, Go's
    libraries take them for text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError:
            # Not chained: that error carries the input.
            raise YamlError("the input begins like UTF-16 and is not", "YAML is UTF-8 text") from None
    data = data.removeprefix(_MARK)
    at = data.find(_MARK)
    while at >= 0:
        if at == 0 or data.endswith(_BREAKS, max(0, at - 3), at):
            raise YamlError(
                f"line {_line(data, at)}: a byte order mark before a line",
                "only the input may begin with one",
            )
        at = data.find(_MARK, at + 1)
    return data


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
