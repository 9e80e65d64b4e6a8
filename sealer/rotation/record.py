"""Which ciphertext was made under the newest key, for controllers that cannot tell: the original has no such answer.

Ciphertext is public, and so are its digests. Without a record every run would reseal everything again.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir

from engine.errors import KsealError
from sealer.keys import Fingerprint


class Record:
    """Digests in a file of the person who runs kseal, one file a key, one line a ciphertext; only ever appended to."""

    def __init__(self, folder: Path, newest: Fingerprint) -> None:
        self._path = folder / re.sub(r"[^A-Za-z0-9]", "_", newest)
        self._known: set[str] = set()
        try:
            self._known.update(self._path.read_text("ascii", "replace").split())
        except FileNotFoundError:
            pass  # the first run under this key
        except OSError as error:
            raise KsealError(f"cannot read {self._path}: {(error.strerror or str(error)).lower()}") from error

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and _digest(text) in self._known

    def learn(self, texts: Iterable[str]) -> None:
        """Take ciphertext as known for this run."""
        self._known.update(map(_digest, texts))

    def add(self, texts: Iterable[str]) -> None:
        """Remember new ciphertext, before it is written where it belongs. Raises: KsealError."""
        digests = [_digest(text) for text in texts]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("a", encoding="ascii") as file:
                file.write("".join(f"{digest}\n" for digest in digests))
        except OSError as error:
            raise KsealError(f"cannot write {self._path}: {(error.strerror or str(error)).lower()}") from error
        self._known.update(digests)


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where a person's programs keep such records. Source: XDG Base Directory Specification."""
    chosen = environ.get("XDG_STATE_HOME")
    state = Path(chosen) if chosen else Path(environ.get("HOME") or gettempdir()) / ".local" / "state"
    return state / "kseal" / "resealed"


def _digest(text: str) -> str:
    return sha256(text.replace("\n", "").replace("\r", "").encode()).hexdigest()[:32]
