"""The modes of `kubeseal` that seal: whole Secrets, items into a file, one value; and the certificate itself."""

import sys
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer import box, merge, sealedsecret
from sealer.cli import files, raw, targets
from sealer.cli.compat.call import Call, Failure, read_file, written
from sealer.encoding import encode
from sealer.objectfile import ObjectFile, merged
from sealer.scope import Scope, of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from engine.kube.manifest import Manifest

_ORDER = ("kind", "apiVersion", "metadata", "spec")


def fetch_certificate(call: Call) -> None:
    """Print what is served, whatever it is."""
    text, _ = call.certificate_text()
    call.write(text.decode("utf-8", "replace"))


def seal(call: Call) -> None:
    """A SealedSecret for each Secret, or nothing."""
    certificate = call.certificate()
    found, _ = call.manifests()
    call.write_objects([_sealed(call, one, certificate.public_key) for one in found])


def merge_into(call: Call) -> None:
    """The items of the input into the file's SealedSecret; only their lines move, unless another form is asked for."""
    path = call.text("merge-into")
    certificate = call.certificate()
    file = ObjectFile(read_file(path), source=path)
    found, _ = call.manifests()
    changes = []
    for one in found:
        placed = targets.choose(file, name=call.text("name") or one.name, namespace=one.namespace or None)
        target = merge.checked_target(placed.raw)
        asked = call.text("namespace")
        if asked and target.namespace and asked != target.namespace and target.scope is not Scope.CLUSTER:
            raise Failure(
                f'namespace mismatch: input secret is in namespace "{target.namespace}" but "{asked}" was specified'
            )
        default = "" if target.namespace or target.scope is Scope.CLUSTER else _namespace(call)
        change = merge.into(
            placed.raw,
            one.raw,
            certificate.public_key,
            default_namespace=default,
            allow_empty=call.flag("allow-empty-data"),
        )
        changes.append((placed, change))
    form = _other_form(call, file)
    if form is None:
        files.write_file(path, file.patched([one for one in changes if one[1]]))
        return
    by_place = {placed.path: change for placed, change in changes}
    objects = [_ordered(merged(placed.raw, by_place.get(placed.path, {}))) for placed in file.objects]
    files.write_file(path, written(objects, form).encode())


def seal_raw(call: Call) -> None:
    """One value, byte for byte; base64 without a line break."""
    certificate = call.certificate()
    scope, name, sources = call.scope, call.text("name"), call.texts("from-file")
    namespace = "" if scope is Scope.CLUSTER else call.namespace()
    if scope is not Scope.CLUSTER and not namespace:
        raise Failure(raw.NO_NAMESPACE.format(scope.flag))
    if scope is Scope.STRICT and not name:
        raise Failure(raw.NO_NAME)
    if len(sources) > 1:
        raise Failure(raw.MANY_FILES)
    bound_to = raw.checked_label(scope, namespace, name)
    if sources:
        _, mark, path = sources[0].partition("=")
        value = read_file(path if mark else sources[0])
    else:
        if sys.stdin is not None and sys.stdin.isatty():
            call.say("(tty detected: expecting a secret to encrypt in stdin)\n")
        ((_, value),) = files.read_inputs_even_typed([files.STDIN])
    call.write(encode(box.seal(value, certificate.public_key, bound_to)))


def _sealed(call: Call, one: "Manifest", public_key: "RSAPublicKey") -> dict[str, Any]:
    scope = call.scope
    is_wide = scope is Scope.CLUSTER or (scope is Scope.STRICT and of(one.annotations) is Scope.CLUSTER)
    asked = call.text("namespace")
    default = "" if is_wide or one.namespace or asked else _namespace(call)
    return sealedsecret.seal_secret(
        one.raw,
        public_key,
        scope=scope,
        name=call.text("name") or None,
        namespace=asked or None,
        default_namespace=default,
        allow_empty=call.flag("allow-empty-data"),
    )


def _namespace(call: Call) -> str:
    try:
        return call.namespace()
    except KsealError as error:
        raise Failure("secret must declare a namespace") from error


def _other_form(call: Call, file: ObjectFile) -> str | None:
    """The form to write, where it was asked for and is not the file's."""
    asked = call.form()
    if "format" not in call.parsed.given:
        return None
    return asked if asked != file.form.name.lower() else None


def _ordered(raw_object: dict[str, Any]) -> dict[str, Any]:
    """The order in which Go writes the fields of a SealedSecret."""
    return {key: raw_object[key] for key in _ORDER if key in raw_object} | raw_object
