"""Paths with slashes, as texts: nothing is looked up. Source: Go path path.go; filepath is the same on Linux."""

from engine.gotemplate.table import Function, function


def clean(path: bytes) -> bytes:
    """The shortest path that means the same."""
    rooted = path.startswith(b"/")
    kept: list[bytes] = []
    for part in path.split(b"/"):
        if part == b".." and kept and kept[-1] != b"..":
            kept.pop()
        elif part == b".." and rooted:
            continue
        elif part not in {b"", b"."}:
            kept.append(part)
    joined = b"/".join(kept)
    return b"/" + joined if rooted else joined or b"."


def base(path: bytes) -> bytes:
    if not path:
        return b"."
    return path.rstrip(b"/").rpartition(b"/")[2] or b"/"


def directory(path: bytes) -> bytes:
    before, slash, _ = path.rpartition(b"/")
    return clean(before + slash)


def extension(path: bytes) -> bytes:
    name = path.rpartition(b"/")[2]
    _, dot, after = name.rpartition(b".")
    return dot + after if dot else b""


FUNCTIONS: dict[str, Function] = {
    "base": function("string", base),
    "clean": function("string", clean),
    "dir": function("string", directory),
    "ext": function("string", extension),
    "isAbs": function("string", lambda path: path.startswith(b"/")),
}
FUNCTIONS |= {f"os{name[0].upper()}{name[1:]}": FUNCTIONS[name] for name in ("base", "clean", "dir", "ext", "isAbs")}
