"""Which objects the words of a command line mean: `KIND/NAME`, `KIND NAME...`, `KIND`, `all`, `sources git NAME`."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from controller.cli import kinds
from controller.cli.kinds import Kind
from sealer.cli.misuse import Misused


class Asked(NamedTuple):
    """One object, or with an empty name all of a kind."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind.name}/{self.name}" if self.name else self.kind.name


def read(words: Sequence[str], *, example: str) -> list[Asked]:
    """What is asked for, in its order, each once.

    A word that is no kind is the name of an object of the kind before it, so that `ks apps infra` are two objects and
    `ks gitrepo` are two kinds. Several kinds may be joined by commas.

    Raises: Misused for a word that is neither.
    """
    asked: list[Asked] = []
    rest = list(words)
    last: tuple[Kind, ...] = ()
    while rest:
        word = rest.pop(0)
        kind_word, slash, name = word.partition("/")
        if not slash and word.lower() in ("source", "sources"):
            last = _sources(rest)
            asked += map(Asked, last)
        elif not slash and word.lower() == kinds.ALL:
            last = ()
            asked += map(Asked, kinds.KINDS)
        elif slash or not last or _are_kinds(word):
            found = tuple(_kind(one, example) for one in kind_word.split(","))
            if slash and (not name or "/" in name):
                raise Misused(f'"{word}" is not KIND/NAME', hint=f"for example: {example}")
            last = () if slash else found
            asked += [Asked(kind, name) for kind in found]
        else:
            asked = [one for one in asked if one.name or one.kind not in last]
            asked += [Asked(kind, word) for kind in last]
    return list(dict.fromkeys(asked))


def objects(words: Sequence[str], *, example: str) -> list[Asked]:
    """As `read`, for verbs that act on objects by name. Raises: Misused, also when no name is given."""
    asked = read(words, example=example)
    if not asked:
        raise Misused("no object is named", hint=f"for example: {example}")
    for one in asked:
        if not one.name:
            raise Misused(f"which {one.kind.name} is meant is not named", hint=f"for example: {example}")
    return asked


def _sources(rest: list[str]) -> tuple[Kind, ...]:
    """The kinds behind `sources`, of which the next word may name one."""
    if rest and rest[0].lower() in kinds.SOURCE_WORDS:
        return (kinds.SOURCE_WORDS[rest.pop(0).lower()],)
    if rest and rest[0].lower() == kinds.ALL:
        rest.pop(0)
    return kinds.SOURCES


def _are_kinds(word: str) -> bool:
    return all(kinds.named(one) for one in word.split(","))


def _kind(word: str, example: str) -> Kind:
    kind = kinds.named(word)
    if kind is None:
        near = get_close_matches(word.lower(), [known for one in kinds.KINDS for known in one.words], 1)
        known = ", ".join(one.words[0] for one in kinds.KINDS)
        hint = f"did you mean {near[0]}?" if near else f"the kinds are {known}; for example: {example}"
        raise Misused(f'there is no kind "{word}"', hint)
    return kind
