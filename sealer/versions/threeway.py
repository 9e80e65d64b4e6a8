"""Two versions of a document and the one that both come from, brought together value by value.

What only one side changed is taken from it; where both changed the same value differently, ours stays and the place is
a conflict. Keys are told apart by their names. Items of a list are told apart by `name`, or by kind, namespace and name
as Kubernetes objects have them; other lists are aligned as lines of text are, and only what stands between equal items
on both sides is merged. Comments go with the key that they describe, because rules may look at them.
"""

from difflib import SequenceMatcher
from typing import NamedTuple

from sealer.sops.tree import Branch, Branches, Comment, Timestamp, Value
from sealer.sops.walk import step

_MOST_ALIGNED = 1000
"""Items of a list that are aligned: it may take the square of their number."""


class _Nothing:
    """Stands for the common ancestor of what both sides added."""


_NOTHING = _Nothing()


class _Entry(NamedTuple):
    """One key: its comments and its value."""

    notes: tuple[Comment, ...]
    value: Value


_Entries = dict[str, _Entry]
_EMPTY = _Entry((), None)


class Merge:
    """One merge. `conflicts` holds the places of all that both sides changed, as `--extract` takes them."""

    def __init__(self, *, notes_are_behind: bool = False) -> None:
        """`notes_are_behind`: a comment describes the key before it, as in INI files, not the one after it."""
        self.conflicts: list[str] = []
        self._notes_are_behind = notes_are_behind

    def documents(self, base: Branches, ours: Branches, theirs: Branches) -> Branches:
        """The merged documents. Those that have no kind and name are told apart by their position."""
        if len(ours) == len(theirs) == 1 and len(base) <= 1:
            return [self._document(base[0] if base else Branch(), ours[0], theirs[0])]
        merged = self._list(list(base), list(ours), list(theirs), "document")
        return [item for item in merged if isinstance(item, Branch)]

    def _document(self, base: Branch, ours: Branch, theirs: Branch) -> Branch:
        if not self._notes_are_behind:
            return self._branch(base, ours, theirs, "")
        merged = self._branch(_once(base), _once(ours), _once(theirs), "")
        doubles = [item for item in ours if item not in _once(ours) and merged.has(str(item[0]))]
        return Branch([*doubles, *merged])

    def value(self, base: "Value | _Nothing", ours: Value, theirs: Value, path: str) -> Value:
        """One value that both sides have."""
        if is_same(ours, theirs):
            return ours
        if not isinstance(base, _Nothing):
            if is_same(base, ours):
                return theirs
            if is_same(base, theirs):
                return ours
        if isinstance(ours, Branch) and isinstance(theirs, Branch):
            return self._branch(base if isinstance(base, Branch) else Branch(), ours, theirs, path)
        if _is_list(ours) and _is_list(theirs):
            return self._list(base if _is_list(base) else [], ours, theirs, path)  # type: ignore[arg-type]  # lists
        self._conflict(path)
        return ours

    def _branch(self, base: Branch, ours: Branch, theirs: Branch, path: str) -> Branch:
        split = [self._split(branch) for branch in (base, ours, theirs)]
        if None in split:  # a key twice: which of the two changed cannot be told
            self._conflict(path)
            return ours
        (of_base, base_rest), (of_ours, our_rest), (of_theirs, their_rest) = [one for one in split if one]
        result: _Entries = {}
        for key in _order(of_base, of_ours, of_theirs):
            place = path + step(key)
            merged = self._entry(of_base.get(key), of_ours.get(key), of_theirs.get(key), place)
            if merged is not None:
                result[key] = merged
        return self._joined(result, self._notes(base_rest, our_rest, their_rest, path))

    def _entry(self, base: _Entry | None, ours: _Entry | None, theirs: _Entry | None, path: str) -> _Entry | None:
        if ours is None or theirs is None:
            present = ours or theirs
            if base is None or present is None:
                return present
            if is_same(base.value, present.value):
                return None
            self._conflict(path)  # one side removed what the other changed
            return ours
        value = self.value(base.value if base else _NOTHING, ours.value, theirs.value, path)
        return _Entry(self._notes((base or _EMPTY).notes, ours.notes, theirs.notes, path), value)

    def _notes(
        self, base: tuple[Comment, ...], ours: tuple[Comment, ...], theirs: tuple[Comment, ...], path: str
    ) -> tuple[Comment, ...]:
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        self._conflict(f"comments of {path or 'the document'}")
        return ours

    def _list(self, base: list[Value], ours: list[Value], theirs: list[Value], path: str) -> list[Value]:
        named = [one for items in (base, ours, theirs) if (one := _by_name(items)) is not None]
        if len(named) == 3:
            merged = self._branch(named[0], named[1], named[2], path)
            return [key if isinstance(key, Comment) else value for key, value in merged]
        frozen = [[_frozen(item) for item in items] for items in (base, ours, theirs)]
        if max(map(len, frozen)) > _MOST_ALIGNED:
            return self._between(base, ours, theirs, path, 0)
        result: list[Value] = []
        begin = (0, 0, 0)
        for place in [*_common(*frozen), (len(base), len(ours), len(theirs))]:
            part, mine, its = (items[a:b] for items, a, b in zip((base, ours, theirs), begin, place, strict=True))
            result += self._between(part, mine, its, path, begin[1])
            result += ours[place[1] : place[1] + 1]
            begin = (place[0] + 1, place[1] + 1, place[2] + 1)
        return result

    def _between(self, base: list[Value], ours: list[Value], theirs: list[Value], path: str, first: int) -> list[Value]:
        """The items between two that nobody changed: by position, where no item came or went."""
        if is_same(ours, theirs) or is_same(base, theirs):
            return ours
        if is_same(base, ours):
            return theirs
        if len(base) == len(ours) == len(theirs):
            triples = zip(base, ours, theirs, strict=True)
            return [self.value(*triple, f"{path}[{index}]") for index, triple in enumerate(triples, first)]
        self._conflict(f"{path}[{first}]")
        return ours

    def _split(self, branch: Branch) -> tuple[_Entries, tuple[Comment, ...]] | None:
        """The entries by key, and the comments that belong to none; None where a key is there twice."""
        way = -1 if self._notes_are_behind else 1
        entries: list[tuple[str, _Entry]] = []
        run: list[Comment] = []
        for key, value in branch[::way]:
            if isinstance(key, Comment):
                run.append(key)
            else:
                entries.append((key, _Entry(tuple(run[::way]), value)))
                run = []
        result = dict(entries[::way])
        return (result, tuple(run[::way])) if len(result) == len(entries) else None

    def _joined(self, entries: _Entries, rest: tuple[Comment, ...]) -> Branch:
        result = Branch()
        free = [(note, None) for note in rest]
        if self._notes_are_behind:
            result.extend(free)
        for key, entry in entries.items():
            notes = [(note, None) for note in entry.notes]
            result.extend([(key, entry.value), *notes] if self._notes_are_behind else [*notes, (key, entry.value)])
        if not self._notes_are_behind:
            result.extend(free)
        return result

    def _conflict(self, path: str) -> None:
        self.conflicts.append(path or "the document")


def is_same(first: object, second: object) -> bool:
    """Whether two values are equal, types, order and comments included."""
    return first is second or _frozen(first) == _frozen(second)


def tree(raw: object) -> Value:
    """A value of JSON as a tree."""
    if isinstance(raw, dict):
        return Branch((key, tree(value)) for key, value in raw.items())
    if isinstance(raw, list):
        return [tree(item) for item in raw]
    return raw  # type: ignore[return-value]  # scalars are the same in both


def _frozen(value: object) -> object:
    """Something that is equal, and hashes alike, for equal values only."""
    match value:
        case Branch():
            return "{", *((_frozen(key), _frozen(item)) for key, item in value)
        case list():
            return "[", *map(_frozen, value)
        case str() | Comment() | Timestamp():
            return value
        case _:
            return type(value).__name__, repr(value)  # 1, 1.0 and True differ, and NaN is itself


def _once(branch: Branch) -> Branch:
    """The sections of an INI file, each once: DEFAULT is there a second time, and empty, before one that is written."""
    filled = {key for key, value in branch if value != Branch()}
    return Branch((key, value) for key, value in branch if value != Branch() or key not in filled)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, Branch)


def _order(base: _Entries, ours: _Entries, theirs: _Entries) -> list[str]:
    """All keys: in the order of the side that changed it, ours if in doubt, with those of the other side in between."""
    shared = [[key for key in one if key in base and key in ours and key in theirs] for one in (base, ours, theirs)]
    frame, other = (theirs, ours) if shared[1] == shared[0] != shared[2] else (ours, theirs)
    behind: dict[str | None, list[str]] = {}
    last: str | None = None
    for key in other:
        if key in frame:
            last = key
        else:
            behind.setdefault(last, []).append(key)
    order = behind.get(None, [])[:]
    for key in frame:
        order += [key, *behind.get(key, ())]
    return order


def _by_name(items: list[Value]) -> Branch | None:
    """A list as a mapping of its items by name, None where an item has none, or two have the same."""
    result = Branch()
    names = set()
    for item in items:
        if isinstance(item, Comment):
            result.append((item, None))
            continue
        name = _name(item)
        if name is None or name in names:
            return None
        names.add(name)
        result.append((name, item))
    return result


def _name(item: Value) -> str | None:
    if not isinstance(item, Branch):
        return None
    kind, metadata = item.get("kind"), item.get("metadata")
    if isinstance(kind, str) and isinstance(metadata, Branch):
        parts = [kind, metadata.get("namespace"), metadata.get("name")]
        return "/".join(part for part in parts if isinstance(part, str) and part)
    name = item.get("name")
    return name if isinstance(name, str) and name else None


def _common(base: list[object], ours: list[object], theirs: list[object]) -> list[tuple[int, int, int]]:
    """Where items stand that nobody changed, as positions in all three."""
    mine, its = _matches(base, ours), _matches(base, theirs)
    return [(place, mine[place], its[place]) for place in mine if place in its]


def _matches(base: list[object], side: list[object]) -> dict[int, int]:
    blocks = SequenceMatcher(None, base, side, autojunk=False).get_matching_blocks()
    return {a + offset: b + offset for a, b, size in blocks for offset in range(size)}
