"""The reader of SealedSecrets: documents of strangers, parsed and unsealed with the controller's keys."""

import json

from engine.errors import KsealError
from engine.kube.manifest import read
from sealer.sealedsecret import parse, unseal_secret
from tests.fuzz.key import RING, SEALED
from tests.fuzz.rules import attempt, require

_WHOLE = {
    "apiVersion": "bitnami.com/v1alpha1",
    "kind": "SealedSecret",
    "metadata": {"name": "db", "namespace": "shop", "annotations": {"sealedsecrets.bitnami.com/cluster-wide": "false"}},
    "spec": {
        "encryptedData": {"password": SEALED},
        "template": {
            "type": "Opaque",
            "immutable": False,
            "metadata": {"labels": {"a": "b"}, "finalizers": ["x/y"]},
            "data": {"url": "db://{{ .password }}"},
        },
    },
}
_PLAIN = {**_WHOLE, "spec": {"encryptedData": {"password": SEALED}}}
_V1 = {**_WHOLE, "spec": {"data": SEALED}}

SEEDS = tuple(json.dumps(raw).encode() for raw in (_WHOLE, _PLAIN, _V1))
PIECES = (
    b"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n",
    b"metadata: {name: db, namespace: shop}\n",
    b"spec: {encryptedData: {password: " + SEALED.encode() + b"}}\n",
    b'"encryptedData":',
    b'"template":',
    b'"data":',
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"true",
    b"1e999",
    b"\\ud800",
    b"{{ fail .password }}",
    b"{{ .password | toInt }}",
    SEALED[:40].encode(),
)


def check(data: bytes) -> None:
    """Each object is unsealed or refused; no refusal repeats what its values hold."""
    found = attempt(KsealError, read, data, source="s")
    for manifest in found[0] if found else ():
        sealed = attempt(KsealError, parse, manifest.raw)
        unsealed = attempt(KsealError, unseal_secret, sealed, RING) if sealed else None
        if sealed and unsealed:
            require(unsealed.secret["metadata"]["name"] == sealed.name, "a template has renamed the Secret")
