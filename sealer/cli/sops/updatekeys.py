"""`sops updatekeys`: the master keys of files as the rules want them. Values, time and MAC stay as they are."""

import os
import sys
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags
from sealer.cli.sops.call import GENERIC, NO_FILE, Call, Failed, now
from sealer.cli.sops.consent import is_given
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.errors import NoDataKey
from sealer.sops.groups import resolve
from sealer.sops.keychanges import GroupChange, changes
from sealer.sops.rewrap import with_keys

if TYPE_CHECKING:
    from sealer.sops.config import Rule
    from sealer.sops.metadata import Metadata

_QUESTION = "Is this okay? (y/n):"


def run(call: Call) -> int:
    """Update each file; one that fails does not keep the others from it."""
    first = os.path.abspath(call.words[0]) if call.words else ""  # noqa: PTH100  # as elsewhere
    if call.config_path(first) is None:
        raise Failed("config file not found", GENERIC, "the keys that a file is to have stand in .sops.yaml")
    if not call.words:
        raise Failed("Error: no file specified", NO_FILE)
    if call.is_for_many:
        from sealer.cli.sops import manykeys

        return manykeys.updatekeys(call, lambda: is_given(call, _QUESTION))
    if len(call.words) == 1:
        _update(call, call.words[0])
        return 0
    failed = 0
    for word in call.words:
        try:
            _update(call, word)
        except KsealError as error:
            failed += 1
            call.voice.error(f"{word}: {error.message}", error.hint)
    if failed:
        raise Failed(f"failed updating {failed} key(s)")
    return 0


def _update(call: Call, word: str) -> None:
    try:
        _update_file(call, word)
    except (Failed, NoDataKey):
        raise
    except KsealError as error:
        raise Failed(error.message, GENERIC, error.hint) from error


def _update_file(call: Call, word: str) -> None:
    path = os.path.abspath(word)  # noqa: PTH100  # as elsewhere
    if not os.path.exists(path):  # noqa: PTH110  # as elsewhere
        raise Failed(f"stat {path}: no such file or directory")
    if os.path.isdir(path):  # noqa: PTH112  # as elsewhere
        raise Failed("can't operate on a directory")
    source = call.input_format(path)
    call.voice.done(f"Syncing keys for file {path}")
    data = call.read(path)
    envelope = source.read_encrypted(data)
    keys = call.keys()
    groups = resolve(_rule(call, path).groups, keys.services)
    threshold = min(envelope.metadata.shamir_threshold, len(groups))
    found = changes(envelope.metadata.key_groups, groups)
    if not any(found) and threshold == envelope.metadata.shamir_threshold:
        call.voice.done(f"File {path} already up to date")
        return
    _show(call, envelope.metadata, threshold, found)
    if not call.flag("yes") and not is_given(call, _QUESTION):
        call.voice.done(f"File {path} left unchanged")
        return
    is_new = not call.voice.is_original and any(group.removed for group in found) and not call.flag("keep-data-key")
    changed = with_keys(
        data, source, keys, groups=groups, shamir_threshold=threshold, is_new_data_key=is_new, now=now()
    )
    call.replace(path, changed)
    call.voice.done(f"File {path} synced with new keys")


def _rule(call: Call, path: str) -> "Rule":
    rule = call.rule(path, {})
    if rule is None:
        raise Failed(f"The config file {call.config_path(path)} does not contain any creation rule")
    return rule


def _show(call: Call, metadata: "Metadata", threshold: int, found: "list[GroupChange]") -> None:
    before = metadata.shamir_threshold
    lines = ["The following changes will be made to the file's groups:"]
    if before == threshold and before > 0:
        lines.append(f"shamir_threshold: {threshold}")
    else:
        lines += [_coloured(call, "+++", f"shamir_threshold: {threshold}")] if threshold > 0 else []
        lines += [_coloured(call, "---", f"shamir_threshold: {before}")] if before > 0 else []
    for number, group in enumerate(found, 1):
        lines.append(f"Group {number}")
        lines += [f"    {key.identity}" for key in group.common]
        lines += [_coloured(call, "+++", key.identity) for key in group.added]
        lines += [_coloured(call, "---", key.identity) for key in group.removed]
    call.say("".join(f"{line}\n" for line in lines).encode())


def _coloured(call: Call, mark: str, text: str) -> str:
    is_coloured = sys.stdout is not None and sys.stdout.isatty() and not call.environ.get("NO_COLOR")
    colour = {"+++": 32, "---": 31}[mark]
    return f"\x1b[{colour}m{mark} {text}\x1b[0m" if is_coloured else f"{mark} {text}"


VERB = SopsVerb(
    "updatekeys",
    "Give files the master keys that their rules want.",
    "FILE...",
    (flags.YES, flags.INPUT_TYPE, *flags.KEY_SERVICES),
    run,
    (
        flags.KEEP_LAYOUT,
        flags.RECURSIVE,
        flags.DRY_RUN,
        Flag(("keep-data-key",), "keep the data key where a master key is removed, as the original does"),
    ),
    (
        "kseal sops updatekeys secrets.yaml",
        "kseal sops updatekeys --recursive --dry-run clusters/",
        "kseal sops updatekeys --recursive --yes clusters/",
    ),
)
