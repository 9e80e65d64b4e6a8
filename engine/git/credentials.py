"""How git proves who asks, and whom it believes: tokens for HTTP, keys and known hosts for SSH.

Credentials come as a folder, whose files are named as in the Secrets that Flux mounts: `username` and `password` or
`bearerToken`; `identity` and `known_hosts`. They reach git by its environment, never by a URL or an argument, and only
for the host of the repository. An unknown SSH host is refused.
"""

import base64
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from engine.errors import KsealError
from engine.git.address import LOOPBACK, is_http

_NAMES: Final = ("username", "password", "bearerToken", "identity", "known_hosts", "signing-key", "forge-token")


class Credentials:
    """What one folder holds. `scratch` is a private folder for the copy of a key that ssh accepts."""

    def __init__(self, folder: Path | None, scratch: Path) -> None:
        """Raises: KsealError when the folder cannot be read or holds none of the files."""
        self._scratch = scratch
        self._files: dict[str, bytes] = {}
        if folder is None:
            return
        for name in _NAMES:
            try:
                self._files[name] = (folder / name).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise KsealError(f"cannot read {folder / name}: {(error.strerror or str(error)).lower()}") from error
        if not self._files:
            raise KsealError(
                f"{folder}: no credentials in it",
                "expected: username and password, bearerToken, or identity and known_hosts",
            )

    def environment(self, url: str | None) -> dict[str, str]:
        """What git has to be told to reach a URL, None for whatever the person's own work tree says.

        Raises: KsealError when a token would travel in plain text, or an SSH key comes without known hosts.
        """
        found = {"GIT_SSH_COMMAND": self._ssh()}
        address = urlsplit(url) if url is not None and is_http(url) else None
        authorization = self._authorization()
        if address is None or authorization is None:
            return found
        if address.scheme != "https" and address.hostname not in LOOPBACK:
            raise KsealError(f"{url}: credentials do not travel over plain http", "use https")
        return found | {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{address.scheme}://{address.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {authorization}",
        }

    def signing_key(self) -> Path | None:
        """An SSH key to sign commits with."""
        return self._private_copy("signing-key") if "signing-key" in self._files else None

    def forge_token(self) -> str | None:
        """What proves to the API of GitHub, GitLab or Gitea who asks. Raises: KsealError for no text on one line."""
        return self._text("forge-token") or None

    def _authorization(self) -> str | None:
        if "bearerToken" in self._files:
            return f"Bearer {self._text('bearerToken')}"
        if "password" not in self._files:
            return None
        pair = f"{self._text('username') or 'git'}:{self._text('password')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _text(self, name: str) -> str:
        text = self._files.get(name, b"").decode("utf-8", "replace").strip()
        if any(character < " " for character in text):
            raise KsealError(f'the credential "{name}" has control characters in it')
        return text

    def _ssh(self) -> str:
        words = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        words += ["-o", "ForwardAgent=no", "-o", "PermitLocalCommand=no"]
        if "identity" in self._files:
            if "known_hosts" not in self._files:
                raise KsealError("an SSH identity without known_hosts", "put the host's keys there: ssh-keyscan HOST")
            words += ["-i", str(self._private_copy("identity")), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]
        if "known_hosts" in self._files:
            known = str(self._private_copy("known_hosts"))
            words += ["-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null"]
        return shlex.join(words)

    def _private_copy(self, name: str) -> Path:
        """ssh refuses keys that a group may read, as mounted Secrets often are."""
        path = self._scratch / name
        path.touch(mode=0o600)
        path.write_bytes(self._files[name].rstrip() + b"\n")
        return path


def kept_identity(environ: Mapping[str, str], name: str | None, email: str | None) -> dict[str, str]:
    """Who a commit is by: git's own variables, else what the person's configuration says, else the program."""
    name, email = name or "kseal", email or "kseal@kseal.invalid"
    return {
        f"GIT_{role}_{what}": environ.get(f"GIT_{role}_{what}") or value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", email))
    }
