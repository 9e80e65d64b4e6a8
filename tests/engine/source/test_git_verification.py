"""A source hands out files only when the signature that is wanted is there."""

from pathlib import Path

import pytest

from engine.source.base import SourceStalled, Unverified
from engine.source.git import GitSource, Verification
from tests.engine.git.bare import Bare
from tests.engine.source.conftest import Wanted
from tests.kit.sshserver import new_key

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_key(tmp_path_factory.mktemp("keys") / "one")


@pytest.fixture
def signed(repository: Bare, key: Path) -> Bare:
    """Its main branch is a signed commit, with a signed tag v1.0.0."""
    repository.commit({"a.yaml": "a"})
    ssh = ["-c", "gpg.format=ssh", "-c", f"user.signingKey={key}"]
    commit = repository.git(*ssh, "commit-tree", "-S", "-m", "signed", "main^{tree}").decode().strip()
    repository.git("update-ref", "refs/heads/main", commit)
    repository.git(*ssh, "tag", "-s", "-m", "release", "v1.0.0", "main")
    return repository


def wish(key: Path, mode: str = "HEAD") -> Verification:
    return Verification(mode, {"team.sshpub": key.with_suffix(".pub").read_bytes()})


def test_a_signed_commit_comes_with_what_was_verified(
    signed: Bare, source: GitSource, wanted: Wanted, key: Path
) -> None:
    found = source.files(wanted(), source.resolve(wanted()), verification=wish(key))
    assert found.verified.startswith(f"verified signature of\n\t- commit '{signed.at('main')}' with key 'SHA256:")
    assert [path for path, _, _ in found] == ["a.yaml"]


@pytest.mark.parametrize("ref", [{"tag": "v1.0.0"}, {"semver": "1.x"}, {"name": "refs/tags/v1.0.0"}])
def test_a_signed_tag_counts_however_it_was_found(
    signed: Bare, source: GitSource, wanted: Wanted, key: Path, ref: dict[str, str]
) -> None:
    found = source.files(wanted(**ref), source.resolve(wanted(**ref)), verification=wish(key, "TagAndHEAD"))
    assert "- tag 'v1.0.0@" in found.verified
    assert "- commit '" in found.verified
    found.close()


def test_without_a_good_signature_there_are_no_files(
    signed: Bare, source: GitSource, wanted: Wanted, key: Path, tmp_path: Path
) -> None:
    stranger = new_key(tmp_path / "other")
    with pytest.raises(Unverified) as caught:
        source.files(wanted(), source.resolve(wanted()), verification=wish(stranger))
    assert caught.value.reason == "InvalidCommitSignature"
    signed.commit({"b.yaml": "b"})
    with pytest.raises(Unverified, match="unsupported signature type: empty"):
        source.files(wanted(), source.resolve(wanted()), verification=wish(key))
    assert len(list(source.files(wanted(), source.resolve(wanted())))) == 2  # the mirror was given back


@pytest.mark.parametrize("by_commit", [False, True])
def test_a_tag_is_demanded_in_vain_of_a_branch_or_a_commit(
    signed: Bare, source: GitSource, wanted: Wanted, key: Path, by_commit: bool
) -> None:
    ref = wanted(commit=signed.at("main"), tag="v1.0.0") if by_commit else wanted()
    with pytest.raises(SourceStalled) as caught:
        source.files(ref, source.resolve(ref), verification=wish(key, "Tag"))
    assert isinstance(caught.value, Unverified)
    assert caught.value.reason == "InvalidVerificationMode"


def test_a_tag_that_moved_back_to_an_unsigned_one_is_refused(
    signed: Bare, source: GitSource, wanted: Wanted, key: Path
) -> None:
    tag = wanted(tag="v1.0.0")
    source.files(tag, source.resolve(tag), verification=wish(key, "Tag")).close()
    signed.git("tag", "-f", "v1.0.0", "main")
    with pytest.raises(Unverified, match="since it is not signed"):
        source.files(tag, source.resolve(tag), verification=wish(key, "Tag"))
