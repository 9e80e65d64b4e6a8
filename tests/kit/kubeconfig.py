"""Kubeconfig files for the test control plane, one log-in each, everything inline so that a file can be moved."""

import base64
import json
from pathlib import Path

from tests.kit.pki import Leaf


def write(path: Path, server: str, authority: bytes, user: dict[str, str], *, namespace: str = "default") -> Path:
    """Write one cluster, one user, one context, all called `kseal`. JSON is YAML: every reader takes it. Mode 0600."""
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kseal", "cluster": cluster}],
        "users": [{"name": "kseal", "user": user}],
        "contexts": [{"name": "kseal", "context": {"cluster": "kseal", "user": "kseal", "namespace": namespace}}],
        "current-context": "kseal",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2) + "\n")
    return path


def by_token(token: str) -> dict[str, str]:
    """A user who shows a bearer token."""
    return {"token": token}


def by_certificate(leaf: Leaf) -> dict[str, str]:
    """A user who shows a client certificate."""
    return {"client-certificate-data": _base64(leaf.certificate), "client-key-data": _base64(leaf.key)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
