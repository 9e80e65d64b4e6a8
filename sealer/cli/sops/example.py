"""What the editor shows of a file that does not exist yet. Source: getsops/sops stores/stores.go."""

from sealer.sops.formats.base import Format
from sealer.sops.tree import Branch, Comment

_WELCOME = "Welcome to SOPS! Edit this file as you please!"


def text(source: Format) -> bytes:
    """The example in a format."""
    if source.is_single_value:
        return _WELCOME.encode()
    tree = {"ini": _sections, "dotenv": _flat}.get(source.name, _nested)()
    return source.write_plain([tree])


def _nested() -> Branch:
    return Branch(
        [
            ("hello", _WELCOME),
            ("example_key", "example_value"),
            (Comment(" Example comment"), None),
            ("example_array", ["example_value1", "example_value2"]),
            ("example_number", 1234.56789),
            ("example_booleans", [True, False]),
        ]
    )


def _sections() -> Branch:
    note = (Comment(" This is an example file."), None)
    return Branch([("Welcome!", Branch([note, ("hello", _WELCOME), ("example_key", "example_value")]))])


def _flat() -> Branch:
    return Branch(
        [
            (Comment(" This is an example file."), None),
            ("hello", _WELCOME),
            ("example_key", "example_value"),
            ("example_multiline", "foo\nbar\nbaz"),
        ]
    )
