"""How a string is written in YAML by the original: as yaml.v3's emitter does, which never folds a line.

Source: go.yaml.in/yaml/v3 3.0.4, encode.go stringv and emitterc.go yaml_emitter_analyze_scalar. The two differences
are told in docs/sops.md: line separators of Unicode, and leading blanks where the original's indentation
hint is wrong, are written in double quotes.
"""

from binascii import b2a_base64

from engine.kube.yaml_strings import double_quoted, is_plain, is_printable, is_simple, is_string
from sealer.sops.tree import to_bytes

_PRINTABLE = bytes(range(0x20, 0x7F))
_MARK = "\ufeff"
_BINARY_LINE = 70


def inline(text: str) -> str | None:
    """The string in one line, or None when it is written as a literal block. Bytes that are no text: `binary`."""
    if is_simple(text):
        return text if is_string(text) else f'"{text}"'
    if not text:
        return '""'
    if "\n" in text:
        if text[-1] == " " or " \n" in text or not _are_printable(text.replace("\n", "").replace("\t", "")):
            return quoted(text)
        return None
    if not _are_printable(text) or not is_string(text):
        return quoted(text)
    if is_plain(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def literal(text: str, pad: str, hint: int) -> str:
    """The block for a string with line breaks: ends with one where the string does. `hint` tells leading blanks."""
    header = "|" + (str(hint) if text[0] in " \n" else "")
    if not text.endswith("\n"):
        header += "-"
    elif text.endswith("\n\n") or text == "\n":
        header += "+"
    return header + "\n" + "\n".join(pad + line if line else "" for line in text.split("\n"))


def is_binary(text: str) -> bool:
    """Whether a string holds bytes that are no UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def binary(text: str) -> str:
    """The base64 of a string's bytes, of several lines when it is long; YAML has it under the tag `!!binary`."""
    whole = b2a_base64(to_bytes(text), newline=False).decode()
    if len(whole) < _BINARY_LINE:
        return whole
    return "".join(whole[at : at + _BINARY_LINE] + "\n" for at in range(0, len(whole), _BINARY_LINE))


def _are_printable(text: str) -> bool:
    if text.isascii():
        return not text.encode().translate(None, _PRINTABLE)
    return all(is_printable(character) for character in text) and "\u2028" not in text and "\u2029" not in text


def quoted(text: str) -> str:
    """The string in double quotes, line breaks escaped."""
    if text[0] == _MARK:
        # The original escapes every character of such a string.
        return '"' + "".join(map(_escaped, text)) + '"'
    return double_quoted(text, 0, None)


def _escaped(character: str) -> str:
    short = double_quoted(character, 0, None)[1:-1]
    if short[0] == "\\":
        return short
    return f"\\x{ord(character):02X}" if character <= "\xff" else f"\\u{ord(character):04X}"
