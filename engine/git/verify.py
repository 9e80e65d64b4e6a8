"""Who signed a commit or a tag: PGP by gpg, SSH by ssh-keygen, with the keys given and no others.

The words of reasons and messages are those of Flux. Source: fluxcd/source-controller
internal/controller/gitrepository_controller.go verifySignature; fluxcd/pkg git/signature/; git gpg-interface.c.
"""

import hashlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from engine.errors import KsealError
from engine.git import objects
from engine.git.child import Git, GitError

_TIMEOUT_SECONDS: Final = 30.0
_LIMITED: Final = ("/bin/sh", "-c", 'ulimit -v "$0" && exec "$@"', str(1 << 20))
_PGP: Final = b"-----BEGIN PGP SIGNATURE-----"
_SSH: Final = b"-----BEGIN SSH SIGNATURE-----"
_X509: Final = b"-----BEGIN SIGNED MESSAGE-----"
_KEY_TYPES: Final = re.compile(rb"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_LARGEST_KEYS: Final = 4 << 20


class VerifyError(KsealError):
    """No good signature. `reason` is for conditions; `is_final`: only a change of the resource helps."""

    def __init__(self, message: str, hint: str | None = None, *, reason: str, is_final: bool = False) -> None:
        super().__init__(message, hint)
        self.reason = reason
        self.is_final = is_final


class _Bad(KsealError):
    """Why a signature does not count."""


class _Signed(NamedTuple):
    signature: bytes
    payload: bytes


class _Keys(NamedTuple):
    pgp: tuple[bytes, ...]
    ssh: tuple[bytes, ...]


def digest(*parts: bytes) -> str:
    """One SHA-256, hex, over several texts."""
    made = hashlib.sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.hexdigest()


def verified(
    git: Git,
    *,
    commit: str,
    tag: str,
    tag_id: str,
    mode: str,
    keys: Mapping[str, bytes],
    scratch: Path,
    environ: Mapping[str, str],
) -> str:
    """What was verified, as Flux says it. `tag` and the object it is at are "" for a commit found otherwise.

    Raises: VerifyError.
    """
    if mode.lower() not in ("head", "tag", "tagandhead"):
        raise VerifyError(f'unknown verification mode "{mode}"', reason="InvalidVerificationMode", is_final=True)
    checker = _Checker(_sorted_keys(keys), scratch, environ)
    lines = []
    if mode.lower() != "head":
        lines.append(_tag_verified(git, tag, tag_id, checker))
    if mode.lower() != "tag":
        lines.append(_commit_verified(git, commit, checker))
    return "verified signature of" + "".join(f"\n\t- {line}" for line in lines)


def _tag_verified(git: Git, tag: str, oid: str, checker: "_Checker") -> str:
    if not tag:
        raise VerifyError(
            "cannot verify tag object's signature if a tag reference is not specified",
            "name a tag in spec.ref, or verify HEAD",
            reason="InvalidVerificationMode",
            is_final=True,
        )
    try:
        is_annotated = git.run("cat-file", "-t", objects.check_commit(oid)).strip() == b"tag"
        signed = _of_tag(objects.raw(git, "tag", oid)) if is_annotated else _Signed(b"", b"")
    except GitError as error:
        raise VerifyError(f"tag '{tag}' cannot be read: {error.message}", reason="InvalidGitObject") from error
    name = f"{tag}@{oid}" if is_annotated else tag
    if not signed.signature:
        raise VerifyError(
            f"cannot verify signature of tag '{name}' since it is not signed",
            "sign it: git tag --sign",
            reason="InvalidGitObject",
        )
    try:
        return f"tag '{name}' with key '{checker.signer(signed)}'"
    except _Bad as error:
        raise VerifyError(
            f"signature verification of tag '{name}' failed: {error.message}", error.hint, reason="InvalidTagSignature"
        ) from error


def _commit_verified(git: Git, commit: str, checker: "_Checker") -> str:
    try:
        signed = _of_commit(objects.raw(git, "commit", objects.check_commit(commit)))
        return f"commit '{commit}' with key '{checker.signer(signed)}'"
    except (_Bad, GitError) as error:
        raise VerifyError(
            f"signature verification of commit '{commit}' failed: {error.message}",
            error.hint,
            reason="InvalidCommitSignature",
        ) from error


def _of_commit(raw: bytes) -> _Signed:
    """Signature and what was signed: the commit without its header `gpgsig`. Raises: _Bad for more than one."""
    head, _, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    signature: list[bytes] = []
    current: bytes | None = None
    count = 0
    for line in head.split(b"\n"):
        if not line.startswith(b" "):
            current = line.partition(b" ")[0]
            count += current == b"gpgsig"
        if current == b"gpgsig":
            signature.append(line.removeprefix(b"gpgsig ") if not line.startswith(b" ") else line[1:])
        elif current != b"gpgsig-sha256":
            kept.append(line)
    if count > 1:
        raise _Bad("it has more than one signature")
    return _Signed(b"\n".join(signature), b"\n".join(kept) + b"\n\n" + message)


def _of_tag(raw: bytes) -> _Signed:
    """The last line in the tag that begins a signature parts it."""
    starts = [raw.rfind(b"\n" + begin) for begin in (_PGP, _SSH, _X509)]
    at = max(starts)
    return _Signed(raw[at + 1 :], raw[: at + 1]) if at >= 0 else _Signed(b"", raw)


def _sorted_keys(data: Mapping[str, bytes]) -> _Keys:
    if sum(map(len, data.values())) > _LARGEST_KEYS:
        raise VerifyError(f"more than {_LARGEST_KEYS} bytes of public keys", reason="VerificationError")
    names = sorted(data)
    ssh = tuple(data[name] for name in names if name.endswith(".sshpub"))
    return _Keys(tuple(data[name] for name in names if not name.endswith(".sshpub")), ssh)


class _Checker:
    """Asks the programs."""

    def __init__(self, keys: _Keys, scratch: Path, environ: Mapping[str, str]) -> None:
        self._keys = keys
        self._scratch = scratch
        self._path = environ.get("PATH", os.defpath)

    def signer(self, signed: _Signed) -> str:
        """By which of the keys: the id of a PGP key, or the fingerprint of an SSH key. Raises: _Bad."""
        signature = signed.signature.strip()
        if signature.startswith(_PGP):
            if not self._keys.pgp:
                raise _Bad("PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)")
            return self._pgp(signature, signed.payload)
        if signature.startswith(_SSH):
            if not self._keys.ssh:
                raise _Bad("SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)")
            return self._ssh(signature, signed.payload)
        kind = "x509" if signature.startswith(_X509) else "unknown" if signature else "empty"
        raise _Bad(f"unsupported signature type: {kind}", None if signature else "it is not signed")

    def _pgp(self, signature: bytes, payload: bytes) -> str:
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="gpg-") as made:
            home = Path(made)
            (home / "signature").write_bytes(signature + b"\n")
            common = ["gpg", "--homedir", made, "--batch", "--no-tty", "--quiet", "--no-autostart", "--disable-dirmngr"]
            common += ["--no-auto-key-retrieve", "--no-auto-key-import", "--trust-model", "always"]
            read = [self._run([*common, "--import"], home, ring)[0] == 0 for ring in self._keys.pgp]
            if not any(read):
                raise _Bad(
                    "unable to read armored key ring", "the Secret's *.asc are public keys: gpg --armor --export"
                )
            words = [*common, "--status-fd", "1", "--verify", "--", str(home / "signature"), "-"]
            _, output = self._run(words, home, payload)
            return _signer_of_status(output)

    def _ssh(self, signature: bytes, payload: bytes) -> str:
        allowed = [key for text in self._keys.ssh for key in _public_keys(text)]
        if not allowed:
            raise _Bad("unable to parse authorized keys", "the Secret's *.sshpub are public keys: ssh-ed25519 AAAA...")
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="ssh-") as made:
            home = Path(made)
            (home / "signature").write_bytes(signature + b"\n")
            (home / "allowed").write_bytes(b"".join(b'signer namespaces="git" %s\n' % key for key in allowed))
            words = ["ssh-keygen", "-Y", "verify", "-n", "git", "-I", "signer"]
            words += ["-f", str(home / "allowed"), "-s", str(home / "signature")]
            code, output = self._run(words, home, payload)
        found = re.search(rb'Good "git" signature for signer with \S+ key (SHA256:[A-Za-z0-9+/]+)', output)
        if code or found is None:
            raise _Bad("unable to verify payload with any of the given authorized keys: no matching key")
        return found[1].decode()

    def _run(self, words: Sequence[str], home: Path, given: bytes) -> tuple[int, bytes]:
        """Exit code and output of a program. Raises: _Bad when it cannot be started, or does not end."""
        try:
            child = subprocess.Popen(
                [*_LIMITED, *words],
                cwd=home,
                env={"PATH": self._path, "HOME": str(home), "LC_ALL": "C"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except OSError as error:
            raise _Bad(f"cannot start {words[0]}: {(error.strerror or str(error)).lower()}") from error
        try:
            output, _ = child.communicate(given, timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise _Bad(f"{words[0]}: no end after {_TIMEOUT_SECONDS:g} s") from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.returncode == 127:
            raise _Bad(f"cannot start {words[0]}: it is not on the PATH", f"install {words[0]}")
        return child.returncode, output


def _signer_of_status(output: bytes) -> str:
    """The id of the primary key of exactly one signature that is good. Source: gnupg doc/DETAILS."""
    words = [line.split() for line in output.split(b"\n") if line.startswith(b"[GNUPG:] ")]
    said = [line[1] for line in words if len(line) > 1]
    valid = [line for line in words if len(line) > 11 and line[1] == b"VALIDSIG"]
    bad = {b"BADSIG", b"ERRSIG", b"EXPSIG", b"EXPKEYSIG", b"REVKEYSIG"} & set(said)
    if bad or said.count(b"GOODSIG") != 1 or len(valid) != 1:
        why = {b"EXPSIG": "signature expired", b"EXPKEYSIG": "key expired", b"REVKEYSIG": "key revoked"}
        known = next((text for word, text in why.items() if word in said), "no matching key")
        raise _Bad(f"unable to verify payload with any of the given key rings: {known}")
    return valid[0][11].decode()[-16:].upper()


def _public_keys(text: bytes) -> list[bytes]:
    """`type base64` of each line as in authorized_keys; none at all when a line cannot be read."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith(b"#"):
            continue
        at = next((at for at, word in enumerate(words[:-1]) if _KEY_TYPES.fullmatch(word)), None)
        if at is None or not _BASE64.fullmatch(words[at + 1]):
            return []
        found.append(words[at] + b" " + words[at + 1])
    return found
