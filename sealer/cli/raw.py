"""`kseal seal --raw`: one value in, its ciphertext out; and how one value is read, for all verbs that take one."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer import box, secret
from sealer.cli import files, sealingkey
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.encoding import encode
from sealer.errors import SealError
from sealer.scope import Scope, label

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

MANY_FILES = "must provide only one --from-file when encrypting a single item with --raw"
NO_NAME = "must provide the --name flag with --raw and --scope strict"
NO_NAMESPACE = "must provide the --namespace flag with --raw and --scope {}"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str], paths: tuple[str, ...]) -> int:
    """Seal the bytes of a file or of standard input for one place."""
    if given.files:
        raise Misused("--raw takes its value from --from-file or standard input", hint="name no other file")
    del paths  # --secret-file, perhaps from its variable: as in the original, it has no part in this
    scope = Scope(given.text("scope") or Scope.STRICT.flag)
    sources = given.texts("from-file")
    if len(sources) > 1:
        raise Misused(MANY_FILES)
    name = given.text("name")
    if scope is Scope.STRICT and not name:
        raise Misused(NO_NAME)
    if given.text("cert") is None and not given.texts("cert"):
        certificate, default = sealingkey.one(given, terminal, environ)
    else:
        if scope is not Scope.CLUSTER and not given.text("namespace"):
            raise Misused(NO_NAMESPACE.format(scope.flag))
        certificate, default = sealingkey.one(given, terminal, environ)
    namespace = given.text("namespace") or default
    bound_to = checked_label(scope, namespace, name or "")
    value = read_value(sources[0] if sources else None, terminal)
    files.write_output(encode(box.seal(value, certificate.public_key, bound_to)), given.text("write"))
    return 0


def checked_label(scope: Scope, namespace: str, name: str) -> bytes:
    """What a value is bound to, once its parts are such as a cluster can have.

    Raises: SealError.
    """
    if scope is not Scope.CLUSTER:
        if not namespace:
            raise SealError(NO_NAMESPACE.format(scope.flag))
        secret.check_namespace(namespace)
    if scope is Scope.STRICT:
        secret.check_name(name)
    return label(scope, namespace, name)


def read_value(path: str | None, terminal: "Terminal") -> bytes:
    """One value, byte for byte: from a file, from standard input, or typed without being shown.

    Raises: KsealError; SealError for more than a Secret can hold.
    """
    if path is None and sys.stdin is not None and sys.stdin.isatty():
        from getpass import getpass

        return getpass("value (not shown): ").encode()
    ((source, value),) = files.read_inputs([path or files.STDIN], example="")
    if len(value) > secret.MOST_VALUE_BYTES:
        raise SealError(f"{source}: {len(value)} bytes are more than the {secret.MOST_VALUE_BYTES} of a Secret")
    if value.endswith(b"\n") and value.count(b"\n") == 1:
        terminal.warning(f"{source}: the value ends with a line break, which becomes part of it", "use printf %s")
    return value
