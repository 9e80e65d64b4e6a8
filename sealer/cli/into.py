"""`kseal seal --into FILE` and `--update FILE`: Secrets into SealedSecrets that exist, in as few lines as can be."""

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer import merge, secret
from sealer.cli import cluster, documents, files, keyfiles, sealingkey, targets
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.encoding import Base64Error, decode
from sealer.errors import SealError, UnsealError
from sealer.scope import Scope
from sealer.sealedsecret import API_VERSION, KIND, SealedSecret

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from sealer.cli.documents import Document
    from sealer.cli.terminal import Terminal
    from sealer.objectfile import ObjectFile, Placed

NOTHING = "no secrets found. Ensure the input is valid and UTF-8 encoded"


def run_into(given: Given, terminal: "Terminal", environ: Mapping[str, str], paths: tuple[str, ...]) -> int:
    """Add the items of each input to its target, or replace them there."""
    target = given.text("into") or ""
    _refuse_form(given, "--into")
    files.check_inputs(paths, example="kseal seal --into sealed.yaml secret.yaml")
    certificate, namespace = sealingkey.one(given, terminal, environ)
    file, found = targets.read(target), _inputs(paths)

    def change(placed: "Placed", document: "Document") -> dict[str, Any]:
        return merge.into(
            placed.raw,
            document.raw,
            certificate.public_key,
            default_namespace=given.text("namespace") or namespace or "default",
            allow_empty=given.flag("allow-empty-data"),
        )

    _save(file, [_changed(file, document, given, change) for document in found], given)
    return 0


def run_update(given: Given, terminal: "Terminal", environ: Mapping[str, str], paths: tuple[str, ...]) -> int:
    """Make each target say what its input says; equal values keep their ciphertext."""
    target = given.text("update") or ""
    _refuse_form(given, "--update")
    key_files = keyfiles.named(given)
    if bool(key_files) == given.flag("live"):
        raise Misused(
            "--update needs one way to compare values: -k KEY or --live",
            hint="for example: kseal seal --update sealed.yaml -k keys.yaml secret.yaml",
        )
    files.check_inputs(paths, example="kseal seal --update sealed.yaml -k keys.yaml secret.yaml")
    if files.STDIN in key_files and (files.STDIN in paths or not paths):
        raise Misused("standard input cannot give both the keys and the Secrets")
    by_keys = _ByKeys(key_files) if key_files else None
    is_same = by_keys.is_same if by_keys else _by_cluster(given, environ)
    certificate, namespace = sealingkey.one(given, terminal, environ)
    file, found = targets.read(target), _inputs(paths)

    def change(placed: "Placed", document: "Document") -> dict[str, Any]:
        return merge.update(
            placed.raw,
            document.raw,
            certificate.public_key,
            is_same,
            default_namespace=given.text("namespace") or namespace or "default",
            allow_empty=given.flag("allow-empty-data"),
        )

    _save(file, [_changed(file, document, given, change) for document in found], given)
    for name in by_keys.closed if by_keys else ():
        terminal.warning(
            f"{target}: {KIND} {name}: the given keys open none of its values, so all of them were sealed anew",
            hint="name the key that it was sealed for, or compare with --live",
        )
    return 0


def _inputs(paths: tuple[str, ...]) -> "list[Document]":
    found, _ = documents.read_documents(files.read_inputs(paths, example=""))
    if not found:
        raise KsealError(NOTHING)
    return found


def _changed(file: "ObjectFile", document: "Document", given: Given, change: Any) -> "tuple[Placed, dict[str, Any]]":
    """The target of one input, and the patch for it."""
    metadata = secret.mapping(document.raw.get("metadata"), "metadata")
    name, namespace = metadata.get("name"), given.text("namespace") or metadata.get("namespace")
    placed = targets.choose(file, name=given.text("name") or name, namespace=namespace)
    with documents.at(placed.place):
        target = merge.checked_target(placed.raw)
    _agree(target, placed.place, given)
    with documents.at(document.place):
        return placed, change(placed, document)


def _agree(target: SealedSecret, place: str, given: Given) -> None:
    """Refuse flags that contradict the target, to which its other values are bound already."""
    scope, namespace = given.said("scope"), given.said("namespace")
    if scope and Scope(scope) is not target.scope:
        raise Misused(f"{place}: it is {target.scope.flag}, not {scope}", hint="leave --scope out: the target decides")
    if namespace and target.namespace and namespace != target.namespace and target.scope is not Scope.CLUSTER:
        raise SealError(
            f'{place}: namespace mismatch: it is in namespace "{target.namespace}" but "{namespace}" was specified'
        )


def _save(file: "ObjectFile", changes: "list[tuple[Placed, dict[str, Any]]]", given: Given) -> None:
    if len({placed.path for placed, _ in changes}) < len(changes):
        raise KsealError(f"{file.source}: two of the inputs are meant for the same SealedSecret")
    before = file.patched([])
    targets.save(file, file.patched([one for one in changes if one[1]]), before, given.said("write"))


def _refuse_form(given: Given, mode: str) -> None:
    if given.said("output"):
        raise Misused(f"{mode} keeps the form of its file, so --output has no place")


class _ByKeys:
    """Compares with what private keys open."""

    def __init__(self, paths: list[str]) -> None:
        from sealer.ring import KeyRing

        self._ring = KeyRing(keyfiles.read(paths, example="kseal seal --update sealed.yaml -k keys.yaml secret.yaml"))
        self._opens: dict[str, bool] = {}

    def is_same(self, sealed: SealedSecret, key: str, value: bytes) -> bool:
        name = f"{sealed.namespace}/{sealed.name}" if sealed.namespace else sealed.name
        self._opens.setdefault(name, False)
        try:
            opened = self._ring.open(decode(sealed.encrypted_data[key]), sealed.label).value
        except (Base64Error, UnsealError):
            return False  # what no key opens is no use to anybody: it is sealed anew
        self._opens[name] = True
        return hmac.compare_digest(opened, value)

    @property
    def closed(self) -> list[str]:
        """The objects of which values were compared and none opened: a wrong key, more likely than broken values."""
        return [name for name, opens in self._opens.items() if not opens]


def _by_cluster(given: Given, environ: Mapping[str, str]) -> merge.IsSame:
    """Compare with the live Secret, where it is known to come from the very ciphertext of the file."""
    from engine.kube.client import Cluster

    client = Cluster(cluster.connect(given, environ), timeout_seconds=cluster.timeout_seconds(given))
    live: dict[tuple[str, str], dict[str, tuple[str, bytes]]] = {}

    def is_same(sealed: SealedSecret, key: str, value: bytes) -> bool:
        place = sealed.namespace or given.text("namespace") or "default", sealed.name
        if place not in live:
            live[place] = _live_items(client, *place)
        ciphertext, present = live[place].get(key, ("", b""))
        return ciphertext == sealed.encrypted_data[key] and hmac.compare_digest(present, value)

    return is_same


def _live_items(client: "Cluster", namespace: str, name: str) -> dict[str, tuple[str, bytes]]:
    """Ciphertext and value of each item in the cluster; nothing where the controller has not caught up yet.

    Raises: ApiError, above all where the caller may not read Secrets.
    """
    from engine.kube.errors import NotFound
    from engine.kube.refs import SECRETS, Resource

    group, _, version = API_VERSION.partition("/")
    sealed_secrets = Resource(group, version, "sealedsecrets", KIND)
    try:
        sealed, plain = client.get(sealed_secrets, namespace, name), client.get(SECRETS, namespace, name)
    except NotFound:
        return {}
    if not _is_synced(sealed):
        return {}
    data = plain.get("data") or {}
    items = (sealed.get("spec") or {}).get("encryptedData") or {}
    return {key: (text, decode(data[key])) for key, text in items.items() if key in data and isinstance(text, str)}


def _is_synced(sealed: Mapping[str, Any]) -> bool:
    """Whether the Secret follows from the present spec."""
    status = sealed.get("status") or {}
    conditions = status.get("conditions") or []
    says_so = any(condition.get("type") == "Synced" and condition.get("status") == "True" for condition in conditions)
    return says_so and status.get("observedGeneration") == (sealed.get("metadata") or {}).get("generation")
