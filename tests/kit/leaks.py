"""A planted value, and the search for it in everything that must not show it."""

import base64
import json
import secrets
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple


class Canary:
    """A value that occurs nowhere else, with characters that each encoding writes differently.

    Its core is searched for alone as well, so that a shortened or partly quoted leak is found too.
    """

    def __init__(self) -> None:
        self.core = f"canary{secrets.token_hex(8)}"
        self.text = f'p"l<a&n/t+e d\\é {self.core} %end\n'

    @property
    def value(self) -> bytes:
        """What is sealed."""
        return self.text.encode()

    def forms(self) -> dict[str, bytes]:
        """Each way in which the value may be written, by name."""
        core = self.core.encode()
        forms = {
            "raw": core,
            "hex": core.hex().encode(),
            "HEX": core.hex().upper().encode(),
            "URL, each byte": "".join(f"%{byte:02X}" for byte in core).encode(),
            "URL": urllib.parse.quote(self.text, safe="").encode(),
            "JSON": json.dumps(self.text)[1:-1].encode(),
            "JSON \\u": "".join(f"\\u{ord(letter):04x}" for letter in self.core).encode(),
            "Python bytes": repr(self.value)[2:-1].encode(),
            "list of numbers": ", ".join(str(byte) for byte in core).encode(),
        }
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + core)
            # The first and last characters mix in neighbours; what is between depends on the core alone.
            inner = encoded[-(-offset * 8 // 6) : len(encoded) - 4]
            forms[f"base64 at {offset}"] = inner
            forms[f"base64url at {offset}"] = inner.replace(b"+", b"-").replace(b"/", b"_")
        return forms

    def found_in(self, content: bytes) -> list[str]:
        """The names of the forms in which the value stands there."""
        return [name for name, form in self.forms().items() if form in content]


CANARY: Final = Canary()
"""The one of this run: every SealedSecret that `Ground` makes holds it."""


class Place(NamedTuple):
    """Somewhere that a value could have leaked to."""

    name: str
    content: bytes


def files(folder: Path) -> Iterator[Place]:
    """Every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield Place(str(path.relative_to(folder)), path.read_bytes())


def process(pid: int) -> Iterator[Place]:
    """Arguments and environment of a process; nothing when it has ended, or hides them from its own user."""
    for name in ("cmdline", "environ"):
        try:
            yield Place(f"{name} of process {pid}", Path(f"/proc/{pid}/{name}").read_bytes())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return


def assert_absent(places: Iterable[Place], canary: Canary = CANARY) -> None:
    """Fail when the planted value stands in one of them, naming place and form but not showing it."""
    found = [f"{place.name} ({', '.join(forms)})" for place in places if (forms := canary.found_in(place.content))]
    assert not found, "a planted secret value was found in " + "; ".join(found)
