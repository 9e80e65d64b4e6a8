"""`sops publish`: files to the place that a destination rule names, encrypted for its readers, or as values of Vault.

Source: getsops/sops cmd/sops/subcommand/publish. Unlike it, the whole selection of a recreation rule counts.
"""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from engine.errors import KsealError
from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags
from sealer.cli.sops.call import GENERIC, NO_FILE, Call, Failed, now
from sealer.cli.sops.consent import is_given
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.metadata import Metadata
from sealer.sops.operations import Keys, new, open_file
from sealer.sops.tree import Branch, Branches, Comment, Timestamp, Value

if TYPE_CHECKING:
    from sealer.sops.config import Rule
    from sealer.sops.formats.base import Format


def run(call: Call) -> int:
    """Publish the file, or with --recursive all files of a folder."""
    if call.config_path(os.path.abspath(call.words[0]) if call.words else "") is None:  # noqa: PTH100  # as elsewhere
        raise Failed("config file not found", GENERIC, "where files are published to stands in .sops.yaml")
    if not call.words:
        raise Failed("Error: no file specified", NO_FILE)
    call.warn_of_further_words()
    root = call.words[0]
    if not os.path.exists(root):  # noqa: PTH110  # as elsewhere
        raise Failed(f"stat {root}: no such file or directory")
    if os.path.isdir(root) and not call.flag("recursive"):  # noqa: PTH112  # as elsewhere
        raise Failed("can't operate on a directory without --recursive flag.")
    for path in _files(root):
        try:
            _publish(call, root, path)
        except KsealError as error:
            if isinstance(error, Failed):
                raise
            raise Failed(f"{path}: {error.message}", GENERIC, error.hint) from error
    return 0


def _files(root: str) -> Iterator[str]:
    """The file, or all files below a folder, in the order of their names."""
    if not os.path.isdir(root):  # noqa: PTH112  # as elsewhere
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names))  # noqa: PTH118  # as elsewhere


def _publish(call: Call, root: str, path: str) -> None:
    from providers.catalog import destination

    config = call.config(os.path.abspath(path))  # noqa: PTH100  # as elsewhere
    rule = config.destination_for(path) if config else None
    if rule is None or rule.kind is None:
        raise Failed("no destination configured for this file")
    name = os.path.relpath(path, root) if os.path.isdir(root) else os.path.basename(path)  # noqa: PTH112, PTH119  # as elsewhere
    if rule.omit_extensions or call.flag("omit-extensions"):
        name = os.path.splitext(name)[0]  # noqa: PTH122  # as elsewhere
    source = call.input_format(path)
    data = call.read(path)
    source.read_encrypted(data)  # what is not encrypted is not published
    place = destination(rule.kind, call.environ, rule.fields)
    content: bytes | Mapping[str, Any] = data
    if place.takes_values:
        content = _values(open_file(data, source, _keys(call, path), for_change=False).branches)
    elif rule.recreation.groups[0]:
        content = _recreated(_keys(call, path), data, source, rule.recreation)
    question = f"uploading {os.path.abspath(path)} to {place.place(name)} ? (y/n): "  # noqa: PTH100  # as elsewhere
    if not call.flag("yes") and not is_given(call, question):
        _cancelled(call, path)
        return
    if not place.put(name, content):
        call.voice.info(f"{place.place(name)} is already up-to-date")


def _keys(call: Call, path: str) -> Keys:
    """What opens a file. Over a whole folder a token of Vault goes to servers of its rule only; the original has no
    such limit."""
    keys = call.keys()
    if call.voice.is_original or not call.flag("recursive"):
        return keys
    from sealer.sops.vaultservers import limited_by

    return limited_by(keys, lambda: call.rule(os.path.abspath(path)), call.environ)  # noqa: PTH100  # as elsewhere


def _recreated(keys: Keys, data: bytes, source: "Format", rule: "Rule") -> bytes:
    """The file for the readers of a recreation rule. Raises: KsealError."""
    opened = open_file(data, source, keys, for_change=False)
    selection = rule.selection if source.is_single_value else rule.selection.or_default()
    metadata = Metadata(rule.groups, selection=selection, shamir_threshold=rule.shamir_threshold)
    return new(opened.branches, metadata, keys, now=now()).sealed(source, now=now())


def _values(branches: Branches) -> dict[str, Any]:
    """The values of all documents as JSON has them; of a key in several the last."""
    return {key: value for branch in branches for key, value in _plain(branch).items()}


def _plain(value: Value) -> Any:
    if isinstance(value, Branch):
        return {key: _plain(item) for key, item in value if not isinstance(key, Comment)}
    if type(value) is list:
        return [_plain(item) for item in cast("list[Value]", value) if not isinstance(item, Comment)]
    return value.text if isinstance(value, Timestamp) else value


def _cancelled(call: Call, path: str) -> None:
    """Raises: Failed where this was the only file."""
    message = f"Publication of {os.path.abspath(path)} canceled"  # noqa: PTH100  # as elsewhere
    if not call.flag("recursive"):
        raise Failed(message)
    call.say(f"{message}\n".encode())


VERB = SopsVerb(
    "publish",
    "Publish files to the place that a rule names: a bucket, or secrets of Vault.",
    "FILE",
    (
        flags.YES,
        Flag(("omit-extensions",), "leave the suffixes of files out of the names"),
        Flag(("recursive",), "all files of a folder"),
        flags.VERBOSE,
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    examples=("kseal sops publish --yes secrets.yaml",),
)
