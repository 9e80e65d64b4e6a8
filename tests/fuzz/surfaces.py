"""The targets by name, loaded when asked for, and where their crashers are kept."""

import hashlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

NAMES = (
    *("box", "der", "http", "json", "manifest", "rotation", "sealedsecret", "sops_keys"),
    *("sops_metadata", "sops_values", "sops_yaml", "template", "wrapped_keys", "yaml"),
)
CRASHERS = Path(__file__).parent / "crashers"


class Target(Protocol):
    """What a module under `targets` has."""

    SEEDS: tuple[bytes, ...]
    """Inputs that reach far into the code; the start of all others."""
    PIECES: tuple[bytes, ...]
    """What the format is made of."""

    def check(self, data: bytes) -> None:
        """Raises: Broken, or whatever comes out of the code where nothing may."""


def load(name: str) -> Target:
    """A target by its name."""
    if name not in NAMES:
        raise ValueError(f"no target is called {name}; there are {', '.join(NAMES)}")
    return cast(Target, import_module(f"tests.fuzz.targets.{name}"))


def crashers(name: str) -> Iterator[Path]:
    """The inputs that once broke a rule."""
    yield from sorted(path for path in (CRASHERS / name).glob("*") if path.is_file())


def keep(name: str, data: bytes) -> Path:
    """Store an input that breaks a rule, under a name that follows from its bytes."""
    path = CRASHERS / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
