"""`updatekeys` and `rotate` over many files: what would change is known before anything is written."""

from collections.abc import Callable
from typing import NamedTuple

from sealer.cli.sops import many
from sealer.cli.sops.call import GENERIC, Call, Failed, now
from sealer.cli.sops.many import Found, Many
from sealer.sops import compliance
from sealer.sops.batch import Batch, Done
from sealer.sops.operations import Keys, rotate_file
from sealer.sops.rewrap import with_keys
from sealer.sops.verify import may_be_encrypted

UPDATE_EXAMPLE = "kseal sops updatekeys --recursive --dry-run clusters/"
ROTATE_EXAMPLE = "kseal sops rotate --recursive clusters/"
NEW_DATA_KEY = "new data key"


class Change(NamedTuple):
    """What changes about one file, in words, and the file after it; no words where nothing changes."""

    marks: list[str]
    made: Callable[[Keys], bytes]


Planned = Callable[[Found, bytes], Change]


def updatekeys(call: Call, is_wanted: Callable[[], bool]) -> int:
    """Give files the keys of their rules. Without --yes, `is_wanted` is asked once the changes are shown."""
    every = Many(call, UPDATE_EXAMPLE)

    def planned(found: Found, data: bytes) -> Change:
        form = call.input_format(found.path)
        metadata = form.read_encrypted(data).metadata
        rule = call.rule(found.path, {})
        if rule is None:
            raise Failed("there is no creation rule for it", GENERIC)
        changes = compliance.key_changes(metadata, rule)
        is_new = bool(changes.removed) and not call.flag("keep-data-key")

        def made(keys: Keys) -> bytes:
            return with_keys(
                data,
                form,
                keys,
                groups=changes.groups,
                shamir_threshold=changes.threshold,
                is_new_data_key=is_new,
                now=now(),
            )

        return Change([*changes.marks, *([NEW_DATA_KEY] if is_new else [])], made)

    return _run(every, planned, is_wanted=None if call.flag("yes") else is_wanted)


def rotate(call: Call) -> int:
    """Bring files under new data keys, with keys added or removed."""
    from sealer.cli.sops.rotate import changes

    many.refuse(call, "output", "filename-override", "output-type")
    every = Many(call, ROTATE_EXAMPLE)
    added, removed = changes(call)
    marks = [f"+{key.identity}" for key in added] + [f"-{key.identity}" for key in removed]

    def planned(found: Found, data: bytes) -> Change:
        form = call.input_format(found.path)
        form.read_encrypted(data)

        def made(keys: Keys) -> bytes:
            ignore_mac = call.flag("ignore-mac")
            return rotate_file(data, form, form, keys, add=added, remove=removed, ignore_mac=ignore_mac, now=now())

        return Change([NEW_DATA_KEY, *marks], made)

    return _run(every, planned, is_wanted=None)


def _run(every: Many, planned: Planned, *, is_wanted: Callable[[], bool] | None) -> int:
    call = every.call
    keys = call.keys()
    is_dry = call.flag("dry-run")
    if is_dry or is_wanted:
        looked = every.each("looking at files,", keys, lambda found, _: _looked_at(call, found, planned))
        would = [one for one in looked if one.result]
        if is_dry or not would:
            return _told(every, looked, "would change", many.DIFFERENT)
        many.show(_rows(would, "would change"))
        if is_wanted and not is_wanted():
            call.voice.done("all files are left unchanged")
            return 1 if every.failures(looked) else 0

    def change(found: Found, batch: Batch) -> list[str]:
        data = _read(call, found)
        change = planned(found, data) if data is not None else None
        if change is None or not change.marks:
            return []
        made = change.made(every.keys_for(found, batch))
        with batch.waiting():
            call.replace(found.path, made)
        return change.marks

    return _told(every, every.each("working, file", keys, change), "changed", 0)


def _looked_at(call: Call, found: Found, planned: Planned) -> list[str]:
    data = _read(call, found)
    return planned(found, data).marks if data is not None else []


def _read(call: Call, found: Found) -> bytes | None:
    """A file, None for one that nobody named and that is not encrypted. Raises: Failed."""
    data = found.read()
    return data if found.is_named or may_be_encrypted(data, call.input_format(found.path)) else None


def _told(every: Many, done: list[Done[Found, list[str]]], state: str, code: int) -> int:
    """Show what changes, and name what went wrong; the exit code, which is `code` where all went well and some do."""
    rows = _rows(done, state)
    many.show(rows)
    return 1 if every.failures(done) else code if rows else 0


def _rows(done: list[Done[Found, list[str]]], state: str) -> list[tuple[str, str, str]]:
    return [(one.item.shown, state, " ".join(one.result)) for one in done if one.result]
