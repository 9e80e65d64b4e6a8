"""`kubeseal --recovery-unseal`: one SealedSecret, private keys, no cluster."""

from engine.errors import KsealError
from sealer import sealedsecret
from sealer.cli import keyfiles
from sealer.cli.compat.call import Call, Failure, read_file
from sealer.ring import KeyRing


def unseal(call: Call) -> None:
    """Print the Secret, without an owner: it would be none that exists."""
    call.form()  # a form that is unknown is said before anything is opened
    found, _ = call.manifests()
    if len(found) > 1:
        raise Failure(f"{len(found)} documents in the input, and one SealedSecret can be unsealed at a time")
    paths = call.texts("recovery-private-key")
    for path in paths:
        read_file(path)  # whatever is not there is named in the original's words
    try:
        keys = keyfiles.read(paths, example="") if paths else []
    except KsealError as error:
        if "'tls.key'" in error.message:
            raise Failure("secret must contain a 'tls.data' key") from error
        raise
    sealed = sealedsecret.parse(found[0].raw)
    opened = sealedsecret.unseal_secret(sealed, KeyRing(keys), accept_v1_data=False)
    call.write_objects([opened.secret], is_plaintext=True)
