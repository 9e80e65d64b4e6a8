"""`kseal keys ACTION`: the sealing keys of a cluster, and who still needs them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer.cli import cluster, files, listing
from sealer.cli.keystore import Keystore, Stored, open_store
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.rotation.use import Use

_OPENING = ("with", "identity")
_ACTIONS: "dict[str, tuple[int | None, tuple[str, ...]]]" = {
    "list": (0, ("repo", "output", "git-credentials", *_OPENING)),
    "renew": (0, _OPENING),
    "retire": (1, ("repo", "force", "git-credentials", *_OPENING)),
    "backup": (0, ("write", "recipient", "passphrase", "plaintext", "force", *_OPENING)),
    "restore": (1, ("passphrase", "output", *_OPENING)),
    "wrap": (None, ("all", "dry-run", "output", *_OPENING)),
    "unwrap": (None, ("all", "dry-run", "output", "plaintext", *_OPENING)),
}
"""How many words follow each action, None for any, and which options it takes besides those of all."""

_NEEDED = {
    "retire": ("one fingerprint", "`kseal keys list` shows the fingerprints"),
    "restore": ("one file", "for example: kseal keys restore keys.age --identity identity.txt"),
}
"""What an action takes that needs a word, and the cure where it is not there."""

OPTIONS = (
    Option(
        ("--repo",),
        "list, retire: count the SealedSecrets in this folder or repository too; may be repeated.",
        "PATH|URL",
        many=True,
    ),
    Option(("--git-credentials",), "list, retire: folder with the credentials for --repo, as for rotate.", "FOLDER"),
    Option(("--force",), "retire: do it although the key is used. backup: plaintext even into a Git work tree."),
    Option(("-w", "--write"), "backup: write to this file (mode 0600) instead of standard output.", "FILE"),
    Option(("--recipient",), "backup: encrypt for this age recipient; may be repeated.", "age1…", many=True),
    Option(("--passphrase",), "backup, restore: under a passphrase, typed or on standard input."),
    Option(("--plaintext",), "backup, unwrap: do not encrypt. Whoever reads it can open every SealedSecret."),
    Option(
        ("--identity",),
        "Age identity that opens wrapped keys. restore: or SSH key that decrypts; may be repeated.",
        "FILE",
        many=True,
    ),
    Option(
        ("--with",),
        "Key that wraps and opens: age:age1…, vault:https://…, aws-kms:ARN; may be repeated.",
        "KEY",
        many=True,
    ),
    Option(("--all",), "wrap, unwrap: every key, retired ones too."),
    Option(("--dry-run",), "wrap, unwrap: write nothing; exit code 3 if anything would change."),
    listing.OUTPUT,
    *cluster.OPTIONS,
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Check that the words make sense together, and do the action."""
    action, words = _action(given)
    if action == "backup":
        from sealer.cli import keysbackup

        return keysbackup.backup(given, terminal, environ)
    if action == "restore":
        from sealer.cli import keysbackup

        return keysbackup.restore(given, words[0], terminal, environ)
    if action in ("wrap", "unwrap"):
        from sealer.cli import keyswrap

        return keyswrap.run(action, words, given, terminal, environ)
    if action == "list":
        return _list(open_store(given, environ), given, terminal, environ)
    from sealer.cli import keyschange

    if action == "renew":
        return keyschange.renew(open_store(given, environ), terminal)
    return keyschange.retire(open_store(given, environ), words[0], given, terminal, environ)


def _action(given: Given) -> tuple[str, tuple[str, ...]]:
    """The action and the words after it. Raises: Misused."""
    action, *words = given.files or ("",)
    if action not in _ACTIONS:
        what = f'there is no action "{action}"' if action else "no action is named"
        raise Misused(what, hint=f"the actions are {', '.join(_ACTIONS)}")
    count, own = _ACTIONS[action]
    if count is not None and len(words) != count:
        needed, hint = _NEEDED.get(action, ("no further words", None))
        raise Misused(f"keys {action} takes {needed}", hint)
    of_some = {name for _, names in _ACTIONS.values() for name in names}
    for key in given.values:
        if key in of_some and key not in own:
            raise Misused(f"keys {action} has no option --{key}")
    return action, tuple(words)


def _list(store: Keystore, given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    from sealer.cli.keysuse import of_cluster, of_repositories
    from sealer.rotation import use

    live = of_cluster(store, terminal)
    repositories = of_repositories(store, given, terminal, environ)
    for one in store.stored:
        if one.error is not None:
            what = one.error.message if one.is_closed else f"no usable key: {one.error.message}"
            terminal.warning(f"Secret/{store.namespace}/{one.name}: {what}", one.error.hint if one.is_closed else None)
    lost = [*use.unknown(live), *use.unknown(repositories or [])]
    for place in lost:
        terminal.warning(f"{place.place}: {place.why}; it counts as a use of every key")
    rows = [_row(store, key.fingerprint, live, repositories) for key in store.ring]
    rows += [_closed_row(one) for one in store.closed]
    if given.text("output") == "json":
        told = {"keys": [_json(row) for row in rows], "unreadable": [place.place for place in lost]}
        files.write_output(listing.as_json(told), None)
    else:
        heading = ("FINGERPRINT", "SECRET", "STATE", "SINCE", "LIVE", "FILES", "WRAPPED")
        files.write_output(listing.table(heading, [tuple(map(_cell, row)) for row in rows]), None)
    return 0


_Row = tuple[str, str, str, str, int | None, int | None, list[str]]


def _row(store: Keystore, fingerprint: str, live: "list[Use]", repositories: "list[Use] | None") -> _Row:
    """Fingerprint, Secrets, state, since when, and how many places of each kind use it or may."""
    from sealer.rotation import use

    holding = store.holding(fingerprint)
    key = holding[0].key
    assert key is not None  # noqa: S101  # `holding` asks for it
    since = key.certificate.not_before if key.certificate else holding[0].created
    return (
        fingerprint,
        ",".join(one.name for one in holding),
        store.state_of(key.fingerprint),
        f"{since:%Y-%m-%d}",
        len(use.needing(live, key.fingerprint)),
        None if repositories is None else len(use.needing(repositories, key.fingerprint)),
        [name for one in holding if one.wrapped is not None for name in one.wrapped.wrapped_with],
    )


def _closed_row(one: Stored) -> _Row:
    """A wrapped key that does not open here: what its certificate says of it, and nothing of its use."""
    assert one.wrapped is not None  # noqa: S101  # that is what makes it closed
    since = f"{one.wrapped.certificate.not_before:%Y-%m-%d}"
    return (one.wrapped.fingerprint, one.name, one.state, since, None, None, one.wrapped.wrapped_with)


def _cell(value: "str | int | list[str] | None") -> str:
    return ",".join(value) or "-" if isinstance(value, list) else "-" if value is None else str(value)


def _json(row: _Row) -> "dict[str, str | int | list[str] | None]":
    return dict(zip(("fingerprint", "secret", "state", "since", "live", "files", "wrapped"), row, strict=True))


VERB = Verb(
    name="keys",
    summary="List, renew, retire, back up, restore and wrap the sealing keys of a cluster.",
    text="list says which keys there are, and how many live SealedSecrets and files of --repo each of them opens; what "
    "cannot be read counts as a use of every key. renew makes a new key, which seals from then on. retire FINGERPRINT "
    "takes a key out of use by its label and deletes nothing; it refuses while anything uses the key, or that cannot "
    "be known. backup writes all keys, encrypted, as a List of Secrets that unseal, rotate and restore read; restore "
    "FILE puts them into a cluster. wrap encrypts keys where they are, under the keys of --with, any of which opens "
    "them; unwrap --plaintext is the way back. Only keys that --with names, and identities, are asked to open.",
    examples=(
        "kseal keys list --repo .",
        "kseal keys renew",
        "kseal keys retire SHA256:… --repo .",
        "kseal keys backup --recipient age1… -w keys.age",
        "kseal keys restore keys.age --identity identity.txt",
        "kseal keys wrap --all --with age:age1… --identity identity.txt",
    ),
    options=OPTIONS,
    run=run,
    files="ACTION",
)
