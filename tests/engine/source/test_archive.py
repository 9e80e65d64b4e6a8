"""Archives: the same bytes for the same files, in Flux's form; and those of strangers, which do no harm."""

import gzip
import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.source.archive import Limits, pack, unpack
from engine.source.base import SourceError
from engine.source.tree import Tree

Files = dict[str, tuple[bool, bytes]]
SMALL = Limits(compressed=100_000, unpacked=50_000, entries=20, depth=5)


def packed(files: Files) -> bytes:
    target = io.BytesIO()
    pack(((path, *files[path]) for path in sorted(files, key=lambda path: path.split("/"))), target)
    return target.getvalue()


def tarred(build: Callable[[tarfile.TarFile], None], form: int = tarfile.PAX_FORMAT) -> bytes:
    """What Python's own writer makes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", format=form) as tar:
        build(tar)
    return target.getvalue()


def added(tar: tarfile.TarFile, name: str, content: bytes = b"", **attributes: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content))


def extracted(archive: bytes, folder: Path, limits: Limits = SMALL) -> Tree:
    return unpack(io.BytesIO(archive), folder / "out", limits)


def test_equal_files_give_equal_bytes_in_the_form_that_flux_writes(tmp_path: Path) -> None:
    files: Files = {"a.yaml": (False, b"x"), "apps/run.sh": (True, b"#!"), "apps/web/b.yaml": (False, b"")}
    archive = packed(files)
    assert archive == packed(dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = [(info.name, info.isdir(), info.mode, info.mtime, info.uid, info.uname) for info in tar]
    assert found == [
        (".", True, 0o750, 0, 0, ""),
        ("a.yaml", False, 0o600, 0, 0, ""),
        ("apps", True, 0o750, 0, 0, ""),
        ("apps/run.sh", False, 0o700, 0, 0, ""),
        ("apps/web", True, 0o750, 0, 0, ""),
        ("apps/web/b.yaml", False, 0o600, 0, 0, ""),
    ]


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)
CONTENTS = st.dictionaries(NAMES, st.tuples(st.booleans(), st.binary(max_size=2_000)), max_size=6)


@given(CONTENTS, CONTENTS, NAMES)
def test_what_is_packed_comes_out_again(top: Files, inner: Files, folder: str) -> None:
    files = {name: each for name, each in top.items() if name != folder}
    files |= {f"{folder}/{name}": each for name, each in inner.items()}
    with tempfile.TemporaryDirectory() as made:
        tree = extracted(packed(files), Path(made), Limits())
        assert {path: (entry.is_executable, tree.read(path)) for path, entry in tree.files.items()} == files
        assert all(os.access(tree.folder / path, os.X_OK) == entry.is_executable for path, entry in tree.files.items())


def test_the_tar_program_reads_what_we_write(tmp_path: Path) -> None:
    long = "/".join(["ordner" * 8] * 4) + "/ünï.yaml"
    (tmp_path / "a.tar.gz").write_bytes(packed({long: (False, b"deep"), "x" * 150: (True, b"")}))
    subprocess.run(["tar", "-xzf", "a.tar.gz"], cwd=tmp_path, check=True)
    assert (tmp_path / long).read_bytes() == b"deep"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_other_writers_are_read(tmp_path: Path, form: int) -> None:
    def build(tar: tarfile.TarFile) -> None:
        added(tar, "./", type=tarfile.DIRTYPE, mode=0o755)
        added(tar, "./folder/", type=tarfile.DIRTYPE, mode=0o755)
        added(tar, "./folder/empty", type=tarfile.DIRTYPE, mode=0o755)
        added(tar, "./folder/" + "n" * 120 if form != tarfile.USTAR_FORMAT else "folder/" + "n" * 90, b"long")
        added(tar, "old-style/", type=tarfile.AREGTYPE)
        added(tar, "run", b"#!", mode=0o755, uname="somebody", mtime=12345)

    tree = extracted(tarred(build, form), tmp_path)
    assert sorted(len(path) for path in tree.files) == ([3, 97] if form == tarfile.USTAR_FORMAT else [3, 127])
    assert tree.files["run"].is_executable
    assert tree.has_folder("folder/empty")
    assert tree.has_folder("old-style")


def test_symbolic_links_are_passed_by(tmp_path: Path) -> None:
    def build(tar: tarfile.TarFile) -> None:
        added(tar, "a", b"a")
        added(tar, "link", type=tarfile.SYMTYPE, linkname="/etc")

    tree = extracted(tarred(build), tmp_path)
    assert list(tree.files) == ["a"]
    assert [each.name for each in tree.folder.iterdir()] == ["a"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    def build(tar: tarfile.TarFile) -> None:
        added(tar, "link", type=tarfile.SYMTYPE, linkname=str(tmp_path / "outside"))
        added(tar, "link/a", b"a")

    (tmp_path / "outside").mkdir()
    extracted(tarred(build), tmp_path)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "a/../../up", "a/../b", "..", "a//b", "/", "x" * 5_000, "a/./b"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="is not one of a file inside"):
        extracted(tarred(lambda tar: added(tar, name, b"a")), tmp_path)
    assert not (tmp_path / "up").exists()


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S", b"?"])
def test_hard_links_devices_and_the_unknown_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        extracted(tarred(lambda tar: added(tar, "a", type=kind, linkname="b")), tmp_path)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda tar: [added(tar, f"f{number}") for number in range(21)], "more than 20 entries"),
        (lambda tar: [added(tar, f"d{number}/f") for number in range(11)], "more than 20 entries"),
        (lambda tar: [added(tar, "a", type=tarfile.DIRTYPE) for _ in range(50)], "more than 20 entries"),
        (lambda tar: added(tar, "a/b/c/d/e/f/g"), "deeper than 5"),
        (lambda tar: added(tar, "bomb", b"\0" * 1_000_000), "larger than 50000 bytes"),
        (lambda tar: [added(tar, f"bomb{number}", b"\0" * 10_000) for number in range(9)], "larger than 50000 bytes"),
        (lambda tar: added(tar, "noise", os.urandom(200_000)), "larger than"),
        (lambda tar: [added(tar, "a"), added(tar, "a")], "there twice"),
        (lambda tar: [added(tar, "a"), added(tar, "a/b")], "both a file and a folder"),
        (lambda tar: [added(tar, "a/b"), added(tar, "a")], "there twice"),
        (lambda tar: added(tar, "d", type=tarfile.DIRTYPE, pax_headers={"size": "5"}), "has content"),
        (lambda tar: added(tar, "a", pax_headers={"GNU.sparse.major": "1"}), "with holes"),
        (lambda tar: added(tar, "a", pax_headers={"path": "../x"}), "not one of a file inside"),
        (lambda tar: added(tar, "a", pax_headers={"size": "9" * 30}), "damaged"),
        (lambda tar: added(tar, "a", pax_headers={"comment": "x" * 70_000}), "too large"),
    ],
)
def test_what_goes_over_the_limits_or_contradicts_itself_is_refused(
    tmp_path: Path, build: Callable[[tarfile.TarFile], None], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        extracted(tarred(build), tmp_path)


def test_a_bomb_is_noticed_before_it_is_written(tmp_path: Path) -> None:
    def build(tar: tarfile.TarFile) -> None:
        added(tar, "bomb", b"\0" * 40_000_000)

    with pytest.raises(SourceError, match="larger"):
        extracted(tarred(build), tmp_path, Limits(unpacked=1_000_000))
    assert not (tmp_path / "out" / "bomb").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "breaks off"),
        (lambda whole: whole[:-4], "breaks off"),
        (lambda whole: whole[:0], "breaks off"),
        (lambda whole: b"not an archive" + whole, "no gzip"),
        (lambda whole: gzip.compress(whole + b"no tar" * 200), "no tar"),
        (lambda whole: gzip.compress(gzip.decompress(whole)[:-1024]), "breaks off"),
        (lambda whole: gzip.compress(gzip.decompress(whole) + b"more"), "behind its end"),
        (lambda whole: whole + b"more", "no gzip"),
        (lambda whole: whole + whole, "behind its end"),
        (lambda whole: whole[:-8] + b"12345678", "no gzip, or damaged"),
    ],
)
def test_what_is_no_whole_archive_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        extracted(spoil(packed({"a": (False, os.urandom(3_000))})), tmp_path)


def test_a_gzip_of_several_members_is_read(tmp_path: Path) -> None:
    plain = gzip.decompress(packed({"a": (False, b"a" * 600)}))
    tree = extracted(b"".join(gzip.compress(plain[at : at + 700]) for at in range(0, len(plain), 700)), tmp_path)
    assert tree.read("a") == b"a" * 600


@given(st.data())
def test_a_garbled_archive_is_refused_or_stays_inside(data: st.DataObject) -> None:
    plain = bytearray(gzip.decompress(packed({"a": (False, b"a" * 600), "b/c": (True, b""), "x" * 120: (False, b"x")})))
    for _ in range(data.draw(st.integers(1, 4))):
        plain[data.draw(st.integers(0, len(plain) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as made:
        try:
            tree = extracted(_summed(plain), Path(made))
        except SourceError:
            pass
        else:
            assert all(tree.read(path) is not None for path in tree.files)
        assert [each.name for each in Path(made).iterdir()] in ([], ["out"])


def test_an_archive_that_no_reader_would_take_is_not_written() -> None:
    with pytest.raises(SourceError, match="larger than 5000 bytes") as caught:
        pack([("a", False, os.urandom(10_000))], io.BytesIO(), largest=5_000)
    assert caught.value.reason == "ArchiveOperationFailed"


def test_a_target_that_takes_no_more_is_an_error() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(SourceError, match="no space left"):
        pack([("a", False, os.urandom(10_000))], full)  # type: ignore[arg-type]


def _summed(plain: bytearray) -> bytes:
    """With the check sums of all headers set right, so that garbled ones are read further."""
    for at in range(0, len(plain) - 511, 512):
        if plain[at + 257 : at + 262] == b"ustar":
            total = sum(plain[at : at + 148]) + 8 * 0x20 + sum(plain[at + 156 : at + 512])
            plain[at + 148 : at + 156] = b"%06o\0 " % total
    return gzip.compress(bytes(plain), 1)
