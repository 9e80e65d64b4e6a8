"""Signatures of commits and tags, made by the real programs and checked against the keys given."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.git.child import Git
from engine.git.verify import VerifyError, verified
from tests.engine.git.bare import Bare
from tests.kit.sshserver import new_key

pytestmark = pytest.mark.interop


class Signers(NamedTuple):
    """Who signs: gpg in a home, and ssh keys."""

    home: Path
    public: bytes
    key_id: str
    other_public: bytes
    ssh: Path
    other_ssh: Path

    def pgp(self) -> dict[str, str]:
        return {"GNUPGHOME": str(self.home)}


def gpg(home: Path, *words: str) -> bytes:
    done = subprocess.run(
        ["gpg", "--batch", "--quiet", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback", *words],
        env={"PATH": os.environ["PATH"], "GNUPGHOME": str(home)},
        capture_output=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    folder = tmp_path_factory.mktemp("s")
    home = folder / "g"
    home.mkdir(mode=0o700)
    for name in ("ann", "bob"):
        gpg(home, "--quick-generate-key", f"{name} <{name}@example.org>", "ed25519", "sign", "never")
    listed = gpg(home, "--with-colons", "--list-keys", "ann@example.org").decode().splitlines()
    key_id = next(line.split(":")[4] for line in listed if line.startswith("pub:"))
    public = {name: gpg(home, "--armor", "--export", f"{name}@example.org") for name in ("ann", "bob")}
    return Signers(home, public["ann"], key_id, public["bob"], new_key(folder / "one"), new_key(folder / "two"))


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", tmp_path / "r.git"], check=True)
    made = Bare(tmp_path / "r.git", "")
    made.commit({"a.yaml": "a"})
    return made


def sign(bare: Bare, kind: str, signers: Signers, *, message: str = "signed") -> str:
    """Make the main branch a signed commit; returns its id."""
    commit = (
        bare.git(*settings(kind, signers), "commit-tree", "-S", "-m", message, "main^{tree}", **signers.pgp())
        .decode()
        .strip()
    )
    bare.git("update-ref", "refs/heads/main", commit)
    return commit


def settings(kind: str, signers: Signers) -> list[str]:
    if kind == "ssh":
        return ["-c", "gpg.format=ssh", "-c", f"user.signingKey={signers.ssh}"]
    return ["-c", "user.signingKey=ann@example.org"]


def check(bare: Bare, commit: str, keys: dict[str, bytes], *, mode: str = "HEAD", tag: str = "") -> str:
    scratch = bare.path.parent
    environ = {"PATH": os.environ["PATH"]}
    return verified(
        Git(bare.path, environ=environ),
        commit=commit,
        tag=tag,
        tag_id=bare.asks("rev-parse", f"refs/tags/{tag}") if tag else "",
        mode=mode,
        keys=keys,
        scratch=scratch,
        environ=environ,
    )


def public(key: Path) -> bytes:
    return key.with_suffix(".pub").read_bytes()


def fingerprint(key: Path) -> str:
    return subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.mark.parametrize("name", ["team.asc", "other-name"])
def test_a_commit_signed_by_pgp_is_told_with_the_id_of_the_key(bare: Bare, signers: Signers, name: str) -> None:
    commit = sign(bare, "pgp", signers)
    keys = {name: signers.public, "bob.asc": signers.other_public, "broken.asc": b"rubbish"}
    for mode in ("HEAD", "head"):
        expected = f"verified signature of\n\t- commit '{commit}' with key '{signers.key_id}'"
        assert check(bare, commit, keys, mode=mode) == expected
    assert [each.name for each in bare.path.parent.iterdir()] == ["r.git"]


def test_a_commit_signed_by_ssh_is_told_with_the_fingerprint_of_the_key(bare: Bare, signers: Signers) -> None:
    commit = sign(bare, "ssh", signers)
    text = b"# team\n\n" + public(signers.other_ssh) + b"cert-authority,no-pty " + public(signers.ssh)
    expected = f"verified signature of\n\t- commit '{commit}' with key '{fingerprint(signers.ssh)}'"
    assert check(bare, commit, {"team.sshpub": text}) == expected


def test_of_a_tag_the_tag_itself_is_verified_and_with_the_commit_both_are_told(bare: Bare, signers: Signers) -> None:
    commit = sign(bare, "pgp", signers)
    bare.git(*settings("ssh", signers), "tag", "-s", "-m", "release", "v1.0.0", "main")
    tag = bare.git("rev-parse", "v1.0.0").decode().strip()
    keys = {"a.asc": signers.public, "b.sshpub": public(signers.ssh)}
    ours = fingerprint(signers.ssh)
    said = check(bare, commit, keys, mode="Tag", tag="v1.0.0")
    assert said == f"verified signature of\n\t- tag 'v1.0.0@{tag}' with key '{ours}'"
    said = check(bare, commit, keys, mode="TagAndHEAD", tag="v1.0.0")
    assert said == (
        f"verified signature of\n\t- tag 'v1.0.0@{tag}' with key '{ours}'"
        f"\n\t- commit '{commit}' with key '{signers.key_id}'"
    )


def test_a_tag_signed_by_pgp_is_verified(bare: Bare, signers: Signers) -> None:
    bare.git(*settings("pgp", signers), "tag", "-s", "-m", "release", "v1", "main", **signers.pgp())
    assert signers.key_id in check(bare, bare.at("main"), {"a.asc": signers.public}, mode="Tag", tag="v1")


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        ("pgp", "bob.asc", "unable to verify payload with any of the given key rings: no matching key"),
        ("pgp", "rubbish.asc", "unable to read armored key ring"),
        ("pgp", "one.sshpub", "PGP signature detected but no PGP public keys found"),
        ("pgp", "", "PGP signature detected but no PGP public keys found"),
        ("ssh", "two.sshpub", "unable to verify payload with any of the given authorized keys"),
        ("ssh", "rubbish.sshpub", "unable to parse authorized keys"),
        ("ssh", "ann.asc", "SSH signature detected but no SSH public keys found"),
        ("none", "ann.asc", "unsupported signature type: empty"),
    ],
)
def test_what_does_not_convince_has_a_reason_and_says_why(
    bare: Bare, signers: Signers, kind: str, keys: str, message: str
) -> None:
    commit = bare.at("main") if kind == "none" else sign(bare, kind, signers)
    known = {
        "bob.asc": signers.other_public,
        "ann.asc": signers.public,
        "rubbish.asc": b"rubbish",
        "one.sshpub": public(signers.ssh),
        "two.sshpub": public(signers.other_ssh),
        "rubbish.sshpub": b"rubbish\n" + public(signers.ssh),
    }
    with pytest.raises(VerifyError) as caught:
        check(bare, commit, {keys: known[keys]} if keys else {})
    assert caught.value.reason == "InvalidCommitSignature"
    assert caught.value.message.startswith(f"signature verification of commit '{commit}' failed: {message}")
    assert not caught.value.is_final


@pytest.mark.parametrize("kind", ["pgp", "ssh"])
def test_a_commit_that_was_changed_after_it_was_signed_is_refused(bare: Bare, signers: Signers, kind: str) -> None:
    signed = bare.git("cat-file", "commit", sign(bare, kind, signers))
    forged = bare.git("hash-object", "-t", "commit", "-w", "--stdin", given=signed.replace(b"\nsigned", b"\nforged"))
    keys = {"a.asc": signers.public, "b.sshpub": public(signers.ssh)}
    with pytest.raises(VerifyError, match="no matching key"):
        check(bare, forged.decode().strip(), keys)


def test_a_commit_with_two_signatures_is_refused(bare: Bare, signers: Signers) -> None:
    signed = bare.git("cat-file", "commit", sign(bare, "pgp", signers))
    head, _, rest = signed.partition(b"gpgsig ")
    signature = rest[: rest.index(b"\n\n")]
    twice = head + b"gpgsig " + signature + b"\ngpgsig " + rest
    forged = bare.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", given=twice).decode().strip()
    with pytest.raises(VerifyError, match="more than one signature"):
        check(bare, forged, {"a.asc": signers.public})


def test_a_signature_made_for_something_else_than_git_is_refused(bare: Bare, signers: Signers, tmp_path: Path) -> None:
    plain = bare.git("cat-file", "commit", "main")
    (tmp_path / "payload").write_bytes(plain)
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", signers.ssh, tmp_path / "payload"],
        check=True,
        capture_output=True,
    )
    signature = (tmp_path / "payload.sig").read_bytes().strip().replace(b"\n", b"\n ")
    forged = plain.replace(b"\n\n", b"\ngpgsig " + signature + b"\n\n", 1)
    commit = bare.git("hash-object", "-t", "commit", "-w", "--stdin", given=forged).decode().strip()
    with pytest.raises(VerifyError, match="no matching key"):
        check(bare, commit, {"a.sshpub": public(signers.ssh)})


def test_keys_that_were_revoked_or_expired_convince_nobody(bare: Bare, signers: Signers, tmp_path: Path) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    gpg(home, "--quick-generate-key", "eve <eve@example.org>", "ed25519", "sign", "never")
    commit = (
        bare.git(
            "-c", "user.signingKey=eve@example.org", "commit-tree", "-S", "-m", "x", "main^{tree}", GNUPGHOME=str(home)
        )
        .decode()
        .strip()
    )
    good = gpg(home, "--armor", "--export", "eve@example.org")
    print_ = next(
        line.split(":")[9]
        for line in gpg(home, "--with-colons", "--fingerprint", "eve@example.org").decode().splitlines()
        if line.startswith("fpr:")
    )
    revocation = (home / "openpgp-revocs.d" / f"{print_}.rev").read_text().replace("\n:-----BEGIN", "\n-----BEGIN")
    (home / "revoke").write_text(revocation)
    gpg(home, "--import", str(home / "revoke"))
    revoked = gpg(home, "--armor", "--export", "eve@example.org")
    assert check(bare, commit, {"a.asc": good})
    with pytest.raises(VerifyError, match="key revoked"):
        check(bare, commit, {"a.asc": revoked})


def test_a_tag_is_demanded_where_there_is_none(bare: Bare) -> None:
    with pytest.raises(VerifyError, match="if a tag reference is not specified") as caught:
        check(bare, bare.at("main"), {}, mode="TagAndHEAD")
    assert (caught.value.reason, caught.value.is_final) == ("InvalidVerificationMode", True)


@pytest.mark.parametrize("message", [None, "annotated, and not signed"])
def test_a_tag_without_a_signature_is_told(bare: Bare, message: str | None) -> None:
    bare.tag("v1", message=message)
    with pytest.raises(VerifyError, match="since it is not signed") as caught:
        check(bare, bare.at("main"), {}, mode="Tag", tag="v1")
    assert (caught.value.reason, caught.value.is_final) == ("InvalidGitObject", False)


def test_a_bad_signature_of_a_tag_has_a_reason_of_its_own(bare: Bare, signers: Signers) -> None:
    bare.git(*settings("ssh", signers), "tag", "-s", "-m", "x", "v1", "main")
    with pytest.raises(VerifyError, match="signature verification of tag 'v1@") as caught:
        check(bare, bare.at("main"), {"a.sshpub": public(signers.other_ssh)}, mode="Tag", tag="v1")
    assert caught.value.reason == "InvalidTagSignature"


def test_an_unknown_mode_is_final(bare: Bare) -> None:
    with pytest.raises(VerifyError, match="unknown verification mode") as caught:
        check(bare, bare.at("main"), {}, mode="Everything")
    assert caught.value.is_final
