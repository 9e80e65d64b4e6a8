"""What a verb of `sops` is, and the table of them. A verb is imported when it is called."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from sealer.cli.compat.goflag import Flag

if TYPE_CHECKING:
    from sealer.cli.sops.call import Call


class SopsVerb(NamedTuple):
    """One verb. `run` gives the exit code. A whole annotation in quotes would be compiled at each start, for 0.4 ms."""

    name: str
    summary: str
    arguments: str
    flags: tuple[Flag, ...]
    run: Callable[["Call"], int]
    own_flags: tuple[Flag, ...] = ()
    """Flags that the original does not have; only `kseal sops` takes them."""
    examples: tuple[str, ...] = ()


TABLE = {
    "decrypt": "decrypt",
    "encrypt": "encrypt",
    "edit": "edit",
    "set": "set",
    "unset": "unset",
    "rotate": "rotate",
    "updatekeys": "updatekeys",
    "groups": "groups",
    "filestatus": "filestatus",
    "exec-env": "execenv",
    "exec-file": "execfile",
    "publish": "publish",
    "keyservice": "keyservice",
    "completion": "completion",
    "verify": "verify",
}
"""The verbs and the modules of this package in which their `VERB` stands, or their `VERBS` where a word follows."""

OURS = ("verify",)
"""Verbs that the original does not have; to `sops` they are files."""

WITH_ACTIONS = ("groups", "completion")
"""Verbs that are followed by another word."""


def verb(name: str) -> SopsVerb:
    """A verb of one word."""
    found: SopsVerb = _module(name).VERB
    return found


def actions(name: str) -> dict[str, SopsVerb]:
    """The verbs that begin with a word, by the word after it."""
    found: dict[str, SopsVerb] = _module(name).VERBS
    return found


def _module(name: str):  # type: ignore[no-untyped-def]  # ModuleType would cost an import of types
    return import_module(f"sealer.cli.sops.{TABLE[name]}")
