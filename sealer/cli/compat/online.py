"""The modes of `kubeseal` that ask the controller: can it open this, and give me this under the newest key."""

from typing import Any

from engine.errors import KsealError
from sealer import sealedsecret
from sealer.cli import files
from sealer.cli.compat.call import Call, Failure, written
from sealer.service import Refused, Verdict

_SERVERS_OWN = ("creationTimestamp", "deletionTimestamp", "generation")


def validate(call: Call) -> None:
    """Silent when the controller can open every document."""
    service = call.service()
    found, _ = call.manifests()
    for one in found:
        sealed = sealedsecret.parse(one.raw)
        try:
            verdict = service.verify(one.raw)
        except KsealError as error:
            raise Failure(f"cannot validate sealed secret: {error.message}") from error
        if verdict is Verdict.DOES_NOT:
            raise Failure(f"unable to decrypt sealed secret: {sealed.name}")


def reencrypt(call: Call) -> None:
    """Each document under the newest key; a file that is named and no other to write to is replaced."""
    service = call.service()
    found, form = call.manifests()
    made = [_reencrypted(service, one.raw) for one in found]
    path = call.text("secret-file")
    if path and not call.text("sealed-secret-file"):
        is_asked = "format" in call.parsed.given
        kept = call.form() if is_asked else "yaml" if path.endswith((".yaml", ".yml")) else form.name.lower()
        files.write_file(path, written(made, kept).encode())
    else:
        call.write_objects(made)


def _reencrypted(service: Any, raw: Any) -> dict[str, Any]:
    sealedsecret.parse(raw)
    try:
        answer = service.rotate(raw)
    except Refused as error:
        raise Failure(error.message) from error
    except KsealError as error:
        raise Failure(f"cannot re-encrypt secret: {error.message}") from error
    metadata = {key: value for key, value in (answer.get("metadata") or {}).items() if key not in _SERVERS_OWN}
    return {
        "kind": sealedsecret.KIND,
        "apiVersion": sealedsecret.API_VERSION,
        "metadata": metadata,
        "spec": answer.get("spec") or {},
    }
