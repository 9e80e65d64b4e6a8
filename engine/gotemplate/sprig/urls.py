"""URLs as dictionaries of their parts. Source: sprig url.go."""

from engine.gotemplate.errors import Refused
from engine.gotemplate.table import Function, function
from engine.gotemplate.urls import Url, parse
from engine.gotemplate.values import Value


def _parsed(text: bytes) -> dict[bytes, Value]:
    url = parse(text)
    return {
        b"scheme": url.scheme,
        b"host": url.host,
        b"hostname": url.hostname(),
        b"path": url.path,
        b"query": url.query,
        b"opaque": url.opaque,
        b"fragment": url.fragment,
        b"userinfo": url.user or b"",
    }


def _joined(parts: dict[bytes, Value]) -> bytes:
    url = Url()
    for name in ("scheme", "host", "path", "query", "opaque", "fragment"):
        setattr(url, name, _part(parts, name.encode()))
    if user := _part(parts, b"userinfo"):
        url.user = parse(b"proto://" + user + b"@host").user
    return url.text()


def _part(parts: dict[bytes, Value], name: bytes) -> bytes:
    value = parts.get(name, b"")
    if not isinstance(value, bytes):
        raise Refused("a part of a URL that is no string")
    return value


FUNCTIONS: dict[str, Function] = {
    "urlJoin": function("map", _joined, weight=100),
    "urlParse": function("string", _parsed, weight=100),
}
