"""Strings and characters in Go's quotes. Source: Go strconv quote.go."""

from engine.gotemplate.values import runes

_SHORT = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\"}
_WIDE = 0x10000


def quote(text: bytes, *, ascii_only: bool = False) -> bytes:
    """strconv.Quote and QuoteToASCII."""
    decoded = runes(text)
    if decoded.isprintable() and (decoded.isascii() or not ascii_only):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return ('"' + "".join(_escape(rune, '"', ascii_only=ascii_only) for rune in decoded) + '"').encode()


def quote_rune(code: int, *, ascii_only: bool = False) -> bytes:
    """strconv.QuoteRune and QuoteRuneToASCII; what is no character becomes U+FFFD."""
    rune = chr(code) if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"
    return f"'{_escape(rune, chr(39), ascii_only=ascii_only)}'".encode()


def can_backquote(text: bytes) -> bool:
    """Whether a string can stand in backquotes: valid, and without control characters but tabs."""
    decoded = runes(text)
    return not any(
        "\ud800" <= rune <= "\udfff" or rune in "\ufeff`\x7f" or (rune < " " and rune != "\t") for rune in decoded
    )


def is_printable(code: int) -> bool:
    """unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the space of ASCII."""
    return code <= 0x10FFFF and chr(code).isprintable()


def _escape(rune: str, mark: str, *, ascii_only: bool) -> str:
    code = ord(rune)
    if "\udc80" <= rune <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if rune in (mark, "\\"):
        return "\\" + rune
    if rune.isprintable() and (code < 0x80 or not ascii_only):
        return rune
    if rune in _SHORT:
        return _SHORT[rune]
    if rune < " " or rune == "\x7f":
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _WIDE else f"\\U{code:08x}"
