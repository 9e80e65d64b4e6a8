"""Escaping for HTML, JavaScript and URL queries. Source: Go 1.26 text/template funcs.go, net/url url.go."""

from engine.gotemplate.values import runes

_HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HTML_TABLE = str.maketrans(_HTML)
_SCRIPT_TABLE = {code: f"\\u{code:04X}" for code in (*range(0x20), *map(ord, "<>&="))} | {
    ord(character): "\\" + character for character in "\\'\""
}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


def html(text: bytes) -> bytes:
    return text.decode("latin-1").translate(_HTML_LATIN).encode("latin-1")


_HTML_LATIN = _HTML_TABLE | {0: "\ufffd".encode().decode("latin-1")}


def script(text: bytes) -> bytes:
    """Go keeps characters that are printable and escapes the others; those beyond 16 bits with all their digits."""
    return "".join(map(_script_rune, runes(text).translate(_SCRIPT_TABLE))).encode("utf-8", "surrogateescape")


def _script_rune(rune: str) -> str:
    if rune < "\x80":
        return rune
    if "\ud800" <= rune <= "\udfff":
        return rune  # a byte that is no UTF-8 stays
    return rune if rune.isprintable() else f"\\u{ord(rune):04X}"


def query(text: bytes) -> bytes:
    return escape_url(text, _UNRESERVED).replace(b"%20", b"+")


def escape_url(text: bytes, kept: frozenset[int]) -> bytes:
    """Percent signs and two hexadecimal digits for each byte that is not kept."""
    return b"".join(bytes((byte,)) if byte in kept else b"%%%02X" % byte for byte in text)
