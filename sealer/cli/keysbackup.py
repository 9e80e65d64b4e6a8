"""`kseal keys backup` and `restore`: all keys of a cluster into one encrypted file, and back into a cluster."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine import undumpable
from engine.errors import KsealError
from sealer import age, secret
from sealer.cli import decrypting, files, keyschange, listing
from sealer.cli.keystore import Keystore, Stored, open_store
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.keys import load_pair
from sealer.keysecret import LABEL, PREFIX

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

_OF_A_SERVER = ("creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "selfLink", "uid")


def backup(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Write every key Secret, retired ones too, as one List. Nothing is read before it is clear how it is protected.

    Raises: Misused, KsealError.
    """
    ways = [way for way in ("recipient", "passphrase", "plaintext") if given.texts(way) or given.flag(way)]
    if len(ways) != 1:
        raise Misused(
            "how the backup is protected has to be said once", hint="--recipient age1…, --passphrase, or --plaintext"
        )
    output = given.text("write")
    if ways == ["plaintext"]:
        files.refuse_work_tree(output, is_forced=given.flag("force"))
    if output in (None, files.STDIN) and sys.stdout is not None and sys.stdout.isatty():
        raise Misused("a backup is not for a terminal", hint="name a file with -w FILE")
    passphrase = decrypting.passphrase(is_new=True) if ways == ["passphrase"] else None
    store = open_store(given, environ)
    store.require_opened()
    for one in store.stored:
        if one.error is not None:
            terminal.warning(f"Secret/{store.namespace}/{one.name}: left out, no usable key: {one.error.message}")
    if not store.ring:
        raise KsealError(f"no keys in namespace {store.namespace}")
    text = _listed(store).encode()
    if passphrase is not None:
        data = age.encrypt_by_passphrase(text, passphrase)
    else:
        data = age.encrypt(text, given.texts("recipient")) if ways == ["recipient"] else text
    files.write_output(data, output, is_plaintext=True)
    terminal.info(f"saved {len(store.ring)} keys: {', '.join(key.fingerprint for key in store.ring)}")
    return 0


def restore(given: Given, path: str, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Put the key Secrets of a backup into the cluster; what is there already stays as it is.

    Raises: Misused, KsealError before anything is written when a Secret of the same name holds something else.
    """
    undumpable.protect()
    (given_file,) = files.read_inputs([path], example="kseal keys restore keys.age --identity identity.txt")
    decrypt = decrypting.Decryptor(given, is_input_taken=path == files.STDIN)
    wanted = _secrets(decrypt(*given_file), given_file.source)
    store = open_store(given, environ)
    there = {one.name: one for one in store.stored}
    rows = []
    for name, raw in wanted.items():
        if name in there and not _is_same(there[name], raw):
            raise KsealError(f"Secret/{store.namespace}/{name} is there already and holds another key")
    from engine.kube.refs import SECRETS

    for name, raw in wanted.items():
        items = secret.values(raw)
        key = load_pair(items["tls.key"], items.get("tls.crt"))
        if name not in there:
            metadata = {**raw["metadata"], "namespace": store.namespace}
            store.client.create(SECRETS, keyschange.wrapped_if_asked(store, {**raw, "metadata": metadata}, key))
        rows.append((name, key.fingerprint, "unchanged" if name in there else "created"))
    if given.text("output") == "json":
        fields = ("secret", "fingerprint", "result")
        files.write_output(listing.as_json([dict(zip(fields, row, strict=True)) for row in rows]), None)
    else:
        files.write_output(listing.table(("SECRET", "FINGERPRINT", "RESULT"), rows), None)
    if any(row[2] == "created" for row in rows):
        terminal.hint("a controller that does not watch its keys takes them in at its next start")
    return 0


def _is_same(stored: Stored, raw: Mapping[str, Any]) -> bool:
    """Whether a Secret in the cluster holds what one of the backup does; of a wrapped one its certificate says it."""
    values = secret.values(raw)
    if stored.wrapped is not None:
        return values.get("tls.crt") == stored.wrapped.certificate.pem
    return secret.values(stored.raw) == values


def _listed(store: Keystore) -> str:
    """The key Secrets without what only a server writes, so that they fit into any cluster and namespace. Wrapped ones
    are plain in it: a backup that needs a service to be read is lost with that."""
    from engine.kube.manifest import to_yaml
    from sealer.wrappedkey import with_plain

    items = []
    for one in store.stored:
        if one.key is None:
            continue
        raw = one.raw if one.wrapped is None else with_plain(one.raw, one.key)
        metadata = {key: value for key, value in raw["metadata"].items() if key not in _OF_A_SERVER}
        fields = {key: raw[key] for key in ("data", "type", "immutable") if key in raw}
        items.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields})
    return to_yaml({"apiVersion": "v1", "kind": "List", "items": items})


def _secrets(text: bytes, source: str) -> dict[str, dict[str, Any]]:
    """The key Secrets of a backup by name; each is a key that works.

    Raises: KsealError, naming the object.
    """
    from sealer.cli import documents
    from sealer.sealedsecret import require_kind
    from sealer.wrappedkey import is_wrapped

    found: dict[str, dict[str, Any]] = {}
    objects, _ = documents.read_documents([files.Input(source, text)])
    for raw, place in objects:
        with documents.at(place):
            require_kind(raw, "v1", "Secret")
            metadata = {key: value for key, value in raw["metadata"].items() if key not in _OF_A_SERVER}
            if LABEL not in (metadata.get("labels") or {}) and metadata.get("name") != PREFIX:
                raise KsealError("not a sealing key: it has no such label")
            items = secret.values(raw)
            if is_wrapped(raw):
                hint = "apply it with kubectl, in the namespace that it comes from; what wraps it opens it there alone"
                raise KsealError("it is wrapped, as in the cluster, and not from a backup by kseal", hint)
            if "tls.key" not in items:
                raise KsealError("not a sealing key: there is no item 'tls.key' in it")
            load_pair(items["tls.key"], items.get("tls.crt"))
            found[str(metadata["name"])] = {**raw, "metadata": metadata}
    if not found:
        raise KsealError(f"{source}: no key Secrets in the file")
    return found
