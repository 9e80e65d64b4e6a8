"""`kseal git textconv`: what git calls for each version of an encrypted file that it shows a difference of."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli import files, gitfile
from sealer.cli.misuse import Misused
from sealer.versions import kinds
from sealer.versions.kinds import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from sealer.cli.gitchild import Git
    from sealer.cli.terminal import Terminal

FOLDER = "kseal"
"""Inside the git folder; `kseal git uninstall` removes it."""
NETWORK = "kseal.network"
"""Variable of git's configuration: whether key services may be asked when git shows a difference."""
_KEY = "hash.key"
_KEY_BYTES = 32


def run(words: tuple[str, ...], terminal: "Terminal", environ: Mapping[str, str], *, reveals: bool) -> int:
    """Print a file with hashes for values, or with `reveals` the values. What is not encrypted is printed as it is."""
    if len(words) != 1:
        raise Misused("git textconv takes one file", "for example: kseal git textconv secrets.yaml")
    data = gitfile.read(words[0])
    if kinds.may_be_encrypted(data):
        data = _shown(words[0], data, terminal, environ, reveals=reveals)
    is_watched = sys.stdout is not None and sys.stdout.isatty()  # text is shown there without control characters
    files.write_output(data.decode(errors="backslashreplace") if is_watched else data, None)
    return 0


def _shown(path: str, data: bytes, terminal: "Terminal", environ: Mapping[str, str], *, reveals: bool) -> bytes:
    from sealer.cli.gitchild import Git
    from sealer.versions import textform

    git = Git(environ)
    if reveals:
        _refuse_cache(git)
    try:
        form = gitfile.form_of(path, terminal)
        kind = kinds.of(data, form)
        if kind is Kind.SEALED:
            return textform.of_sealed(data, path)
        if kind is Kind.SOPS and reveals:
            return textform.revealed(data, form, gitfile.own_keys(environ))
        if kind is Kind.SOPS:
            keys = (gitfile.own_keys if _asks_servers(git) else gitfile.silent_keys)(environ)
            return textform.of_sops(data, form, keys, _secret(git))
    except KsealError as error:
        if reveals:
            raise
        return textform.broken(error)  # a version that cannot be shown must not end the whole `git log`
    return data


def _asks_servers(git: "Git") -> bool:
    """Whether the person wants key services to be asked, once for each version that is shown."""
    return git.asks("config", "--type=bool", NETWORK) == "true"


def _refuse_cache(git: "Git") -> None:
    """Raises: Misused where git would write what is shown into the repository, as notes that may be pushed."""
    cached = git.asks("config", "--type=bool", "--get-regexp", r"^diff\..*\.cachetextconv$") or ""
    names = [line.rpartition(" ")[0] for line in cached.splitlines() if line.endswith(" true")]
    if names:
        raise Misused(
            f"{names[0]} is on: git would keep the values in the repository",
            f"turn it off: git config {names[0]} false",
        )


def _secret(git: "Git") -> bytes:
    """The key of the hashes of this clone, made when first asked for. Raises: KsealError outside of a repository."""
    from pathlib import Path

    folder = git.asks("rev-parse", "--path-format=absolute", "--git-common-dir")
    if folder is None:
        raise KsealError("hashes are for one repository, and this is none", "--reveal shows the values anywhere")
    path = Path(folder, FOLDER, _KEY)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise KsealError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if len(secret) != _KEY_BYTES:
        raise KsealError(f"{path}: not a key of {_KEY_BYTES} bytes", "remove it; another one is made then")
    return secret


def _make(path: "Path") -> None:
    """Write the key in one step, so that of two that are made at once both callers read the same one."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_KEY_BYTES))
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
