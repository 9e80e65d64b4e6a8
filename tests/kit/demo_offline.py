"""The demo's first half: key, Secret, seal, commit, unseal. It needs Python and Git, no cluster and no network."""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import yaml

from sealer import keys
from tests.kit.demo_screen import Screen
from tests.kit.demo_shell import CommandFailed, Shell

_KEY_BITS: Final = 4096


def play(screen: Screen, shell: Shell) -> None:
    """Five steps. Raises: CommandFailed when the Secret that comes out is not the one that went in."""
    screen.part("Part 1: on this machine, without a cluster")
    folder = shell.folder
    with screen.step("Make a sealing key (in a cluster the controller makes it, and it stays there)") as step:
        key = keys.generate(_KEY_BITS, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC))
        assert key.certificate  # a generated key has one
        _write_private(folder / "key.pem", key.private_pem().reveal())
        (folder / "cert.pem").write_bytes(key.certificate.pem)
        step.result = f"key.pem opens, cert.pem seals (RSA, {_KEY_BITS} bits)"
    with screen.step("Write an ordinary Secret, with a password made up just now") as step:
        _write_private(folder / "secret.yaml", _secret(password=secrets.token_urlsafe(12)).encode())
        shell.run("cat secret.yaml")
        step.result = "readable by you only, and outside of the repository"
    with screen.step("Seal it: the certificate is enough") as step:
        shell.run("git init --quiet repo")
        shell.run("kseal seal --cert cert.pem --secret-file secret.yaml --write repo/sealed.yaml")
        shell.run("cat repo/sealed.yaml")
        step.result = "everyone may read this file"
    with screen.step("Commit it") as step:
        shell.enter("repo")
        commit(shell, "Add the password of the database")
        step.result = "what Git holds is the sealed form"
    with screen.step("Unseal what the commit holds, with the private key, and compare") as step:
        shell.run("git show HEAD:sealed.yaml | kseal unseal --private-key ../key.pem > ../unsealed.yaml")
        _compare(folder / "secret.yaml", folder / "unsealed.yaml")
        step.result = "it is the Secret of step 2 again"


def commit(shell: Shell, message: str) -> None:
    """Commit sealed.yaml; the shell is in the repository."""
    shell.run("git add sealed.yaml")
    shell.run(f'git commit --quiet --message "{message}"')
    shell.run("git log -1 --oneline --stat")


def _secret(*, password: str) -> str:
    return f"""\
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
stringData:
  user: shop
  password: {password}
"""


def _compare(before: Path, after: Path) -> None:
    if _content(before) != _content(after):
        raise CommandFailed("the unsealed Secret is not the one that was sealed")


def _content(path: Path) -> tuple[str, str, dict[str, bytes]]:
    """Namespace, name and values of the Secret in a file, however its values are written there.

    Read by a library that is not ours: the demo must not believe the program that it shows.
    """
    secret = yaml.safe_load(path.read_text())
    values = {key: base64.b64decode(value) for key, value in secret.get("data", {}).items()}
    values |= {key: text.encode() for key, text in secret.get("stringData", {}).items()}
    return secret["metadata"]["namespace"], secret["metadata"]["name"], values


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
