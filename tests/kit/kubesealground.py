"""Secrets, SealedSecrets and keys in a folder, on which kubeseal and ours do the same one after the other."""

import base64
import functools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from sealer.keys import SealingKey, generate
from sealer.ring import KeyRing
from sealer.sealedsecret import open_items, parse, seal_secret
from tests.kit.process import Nest
from tests.kit.warm import WarmKseal

SECRET: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": "shop"},
    "data": {"a": "eA=="},
}
_KUBECONFIG: Final = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: of-context}}, {name: bare, context: {cluster: c}}]
users: [{name: u, user: {}}]
current-context: x
"""
FILES: Final = {
    "secret.json": json.dumps(SECRET),
    "rich.yaml": """\
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  uid: 0f3e
  resourceVersion: "12"
  generation: 3
  creationTimestamp: "2024-01-01T00:00:00Z"
  labels: {app: db}
  annotations: {note: a & <b>, kubectl.kubernetes.io/last-applied-configuration: "{}"}
  finalizers: [example.com/keep]
  ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: "1"}]
type: Opaque
immutable: true
data: {both: b25l, a: eA==}
stringData: {both: two}
""",
    "two.yaml": "---\n" + json.dumps(SECRET) + "\n---\n" + json.dumps({**SECRET, "type": "x/y"}) + "\n",
    "two.json": json.dumps(SECRET) + "\n" + json.dumps({**SECRET, "type": "x/y"}),
    "no-name.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {namespace: shop}\nstringData: {a: x}\n",
    "no-namespace.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {a: x}\n",
    "no-data.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n",
    "wide.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop, annotations: "
    '{sealedsecrets.bitnami.com/namespace-wide: "true"}}\nstringData: {a: x}\n',
    "roaming.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, annotations: "
    '{sealedsecrets.bitnami.com/cluster-wide: "true"}}\nstringData: {a: x}\n',
    "nothing": "",
    "value": "hunter2\n",
    "kubeconfig": _KUBECONFIG,
}


class Did(NamedTuple):
    code: int
    output: bytes
    error: str
    written: dict[str, bytes]
    """The files that were not there before, or changed."""


class KubesealGround(NamedTuple):
    folder: Path
    warm: WarmKseal
    original: Path
    key: SealingKey

    def run(self, is_ours: bool, words: list[str], stdin: bytes = b"", **environ: str) -> Did:
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        assert self.key.certificate is not None
        (self.folder / "cert.pem").write_bytes(self.key.certificate.pem)
        (self.folder / "key.pem").write_bytes(self.key.private_pem().reveal())
        for name, data in self.made().items():
            (self.folder / name).write_bytes(data)
        before = self.files()
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environ}
        if is_ours:
            done = self.warm.run(["kubeseal", *words], folder=self.folder, environ=env, given=stdin)
        else:
            command = [str(self.original), *words]
            done = subprocess.run(
                command, cwd=self.folder, input=stdin, env=env, capture_output=True, timeout=60, check=False
            )
        after = self.files()
        changed = {name: data for name, data in after.items() if before.get(name) != data}
        return Did(done.returncode, done.stdout, done.stderr.decode(), changed)

    def both(self, words: list[str], stdin: bytes = b"", **environ: str) -> tuple[Did, Did]:
        return self.run(False, words, stdin, **environ), self.run(True, words, stdin, **environ)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def made(self) -> dict[str, bytes]:
        assert self.key.certificate is not None
        sealed = seal_secret(SECRET, self.key.certificate.public_key)
        metadata = {**SECRET["metadata"], "labels": {"old": "label"}, "annotations": {"old": "note"}}
        described = seal_secret({**SECRET, "metadata": metadata}, self.key.certificate.public_key)
        raw_key = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "k"},
            "data": {
                "tls.key": base64.b64encode(self.key.private_pem().reveal()).decode(),
                "tls.crt": base64.b64encode(self.key.certificate.pem).decode(),
            },
        }
        keys = {"apiVersion": "v1", "kind": "List", "items": [raw_key]}
        return {
            "sealed.json": json.dumps(sealed).encode(),
            "sealed-two.yaml": yaml.safe_dump_all([sealed, sealed]).encode(),
            "described.json": json.dumps(described).encode(),
            "described.yaml": b"# kept\n" + yaml.safe_dump(described).encode(),
            "key.yaml": yaml.safe_dump(raw_key).encode(),
            "keys.json": json.dumps(keys).encode(),
            "no-key.yaml": json.dumps(SECRET).encode(),
            "expired.pem": _expired(),
        }

    def plain(self, data: bytes) -> Any:
        """Sealed objects with their values in place of the ciphertext; the base64 of one value as that value."""
        text = data.decode()
        if not text or text.startswith("-----BEGIN"):
            return text
        objects = _json_objects(text) if text.startswith("{") else list(yaml.safe_load_all(text))
        for one in objects:
            if isinstance(one, dict) and one.get("kind") == "SealedSecret":
                opened = open_items(parse(one), KeyRing([self.key]))
                one["spec"]["encryptedData"] = {key: item.value for key, item in opened.items()}
        return objects


@functools.cache
def _expired() -> bytes:
    key = generate(2048, ttl=timedelta(days=1), common_name="", now=datetime(2020, 1, 1, tzinfo=UTC))
    assert key.certificate is not None
    return key.certificate.pem


def _json_objects(text: str) -> list[Any]:
    found, decoder, at = [], json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def order(data: bytes) -> list[str]:
    """The keys of a text in their order, ciphertext apart: two such lists are equal when the layout is."""
    lines = data.decode().splitlines()
    return [line.partition(":")[0] if '"AQ' in line or ": AQ" in line else line for line in lines]


@contextmanager
def open_ground(folder: Path, original: Path) -> Iterator[KubesealGround]:
    """A new sealing key, and ours as a warm process, for as long as the context lasts."""
    key = generate(2048, ttl=timedelta(days=30), common_name="", now=datetime.now(UTC))
    with Nest("compat") as nest:
        yield KubesealGround(folder, WarmKseal(nest), original, key)
