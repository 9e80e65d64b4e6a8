"""`sops groups add|delete`: the key groups of a file. Values, time and MAC stay as they are."""

from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags
from sealer.cli.sops.call import CANNOT_READ, GENERIC, Call, Failed, now
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.operations import rewrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealer.sops.recipients.base import MasterKey

    Groups = Sequence[Sequence[MasterKey]]

_FILE = Flag(("file", "f"), "the file", "FILE")
_KEYS = tuple(
    Flag((name,), f"keys of {kind} in the new group; may be repeated", "KEYS", many=True)
    for name, kind in flags.KEY_KINDS.items()
)


def add(call: Call) -> int:
    """Append a group of the keys that flags name."""
    if call.words:
        raise Failed("error: no positional arguments allowed")
    group = call.named_keys(context=call.context())
    _change(call, lambda groups: [*groups, group])
    return 0


def delete(call: Call) -> int:
    """Remove the group with a number, counted from 0."""
    if len(call.words) != 1:
        raise Failed("error: exactly one positional argument (index) required")
    word = call.words[0]
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise Failed(f'failed to parse [index] argument: "{word}" is no number')
    at = int(word)

    def without(groups: "Groups") -> "Groups":
        if at >= len(groups):
            raise Failed(f"there is no group {at}: the file has {len(groups)}, counted from 0")
        return [*groups[:at], *groups[at + 1 :]]

    _change(call, without)
    return 0


def _change(call: Call, made: "Callable[[Groups], Groups]") -> None:
    path = call.text("file")
    if not path:
        raise Failed("Error: no file specified", CANNOT_READ, "name it by --file")
    source, target = call.input_format(path), call.output_format(path)
    data = call.read(path)
    try:
        envelope = source.read_encrypted(data)
        groups = made(envelope.metadata.key_groups)
        threshold = call.parsed.number("shamir-secret-sharing-threshold") or envelope.metadata.shamir_threshold
        if len(groups) < threshold:
            raise Failed(
                "removing this key group will make the Shamir threshold impossible to satisfy: "
                f"Shamir threshold is {threshold}, but we only have {len(groups)} key groups"
            )
        changed = rewrapped(envelope, call.keys(), groups=groups, shamir_threshold=threshold, now=now())
    except KsealError as error:
        raise Failed(error.message, GENERIC, error.hint) from error
    call.write(target.write_encrypted(changed), path)


VERBS = {
    "add": SopsVerb(
        "groups add",
        "Add a key group to a file.",
        "",
        (
            _FILE,
            *_KEYS,
            flags.AWS_PROFILE,
            flags.IN_PLACE,
            flags.THRESHOLD,
            flags.CONTEXT,
            *flags.KEY_SERVICES,
        ),
        add,
        examples=("kseal sops groups add --in-place --file secrets.yaml --age age1...",),
    ),
    "delete": SopsVerb(
        "groups delete",
        "Remove a key group from a file.",
        "INDEX",
        (_FILE, flags.IN_PLACE, flags.THRESHOLD, *flags.KEY_SERVICES),
        delete,
        examples=("kseal sops groups delete --in-place --file secrets.yaml 1",),
    ),
}
