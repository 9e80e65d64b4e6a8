"""Whatever a repository says, by `..`, links or kustomizations: nothing outside it is opened, listed or written."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import KsealError
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.rotation.job import Job
from sealer.rotation.resealer import Offline
from tests.kit.rotating import Ground, text

Raw = dict[str, Any]
_watchers: list[list[str]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if (
        _watchers
        and event in ("open", "os.listdir", "os.scandir")
        and isinstance(arguments[0], (str, bytes, os.PathLike))
    ):
        _watchers[-1].append(os.path.realpath(os.fsdecode(arguments[0])))


@pytest.fixture
def touched() -> Iterator[list[str]]:
    """The real paths of what this process opens or lists meanwhile. An audit hook stays for good, but can be mute."""
    if not hasattr(sys, "_kseal_audits"):
        sys.addaudithook(_audit)
        sys._kseal_audits = True  # type: ignore[attr-defined]  # a mark of ours
    _watchers.append([])
    yield _watchers[-1]
    _watchers.pop()


@pytest.fixture
def offline(ring: KeyRing, new_key: SealingKey) -> Offline:
    return Offline(ring, new_key)


def lay_traps(root: Path, outside: Path, raw: Raw) -> None:
    """In a repository, every way out that a file or a link can describe."""
    outside.mkdir()
    (outside / "db.yaml").write_text(text(raw))
    (outside / "kustomization.yaml").write_text("namespace: elsewhere\nresources: [db.yaml]\n")
    inner = root / "apps" / "db"
    inner.mkdir(parents=True)
    (inner / "db.yaml").write_text(text(raw))
    ways = [
        "db.yaml",
        "../../../outside",
        "../../../outside/db.yaml",
        str(outside),
        str(outside / "db.yaml"),
        "way",
        "..",
    ]
    listed = {"resources": ways, "bases": ways, "components": ways, "patches": [{"path": way} for way in ways]}
    (inner / "kustomization.yaml").write_text(yaml.safe_dump(listed))
    (inner / "way").symlink_to(outside)
    (inner / "file.yaml").symlink_to(outside / "db.yaml")
    (root / "kustomization.yaml").symlink_to(outside / "kustomization.yaml")
    (root / "up").symlink_to("..")


def test_a_job_stays_in_its_root(
    tmp_path: Path, sealed: Callable[..., Raw], offline: Offline, touched: list[str]
) -> None:
    root = tmp_path / "root"
    lay_traps(root, tmp_path / "outside", sealed())
    touched.clear()
    (report,) = Job(["."], offline, root=root).run()
    assert report.path == "apps/db/db.yaml"
    assert report.data
    assert str(root / "apps" / "db" / "kustomization.yaml") in touched
    ours = [path for path in touched if Path(path).is_relative_to(tmp_path)]  # modules are read at first use, too
    assert [path for path in ours if not Path(path).is_relative_to(root)] == []


@pytest.mark.parametrize("path", ["..", "../outside", "up", "apps/db/way", "apps/db/file.yaml", "apps/../../outside"])
def test_a_named_path_that_leads_out_is_refused_unread(
    tmp_path: Path, sealed: Callable[..., Raw], offline: Offline, touched: list[str], path: str
) -> None:
    root = tmp_path / "root"
    lay_traps(root, tmp_path / "outside", sealed())
    touched.clear()
    with pytest.raises(KsealError, match="leads out of"):
        Job([path], offline, root=root)
    assert touched == []


@pytest.mark.interop
def test_a_commit_holds_nothing_from_outside_and_outside_stays(ground: Ground, sealed: Callable[..., Raw]) -> None:
    outside = ground.folder / "outside"
    lay_traps(ground.clone, outside, sealed())
    ground.commit()
    ground.publish()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in outside.iterdir()}
    assert ground.rotate("--commit", ".").returncode == 0
    copy = (f"--repo={ground.url}", f"--git-credentials={ground.folder}/credentials")
    assert ground.rotate(*copy, "--commit", "--push", where=ground.folder).returncode == 0
    for words in (
        ["--commit", ".", "up/outside"],
        ["--commit", ".", "../outside"],
        [*copy, "--dry-run", "apps/db/way"],
    ):
        done = ground.rotate(*words)
        assert done.returncode == 1
        assert "leads out of" in done.stderr
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in outside.iterdir()} == before
    for where, branch in ((ground.clone, "HEAD"), (ground.bare, "main")):
        changed = ground.git("diff", "--name-only", f"{branch}~1", branch, where=where)
        assert changed.split() == ["apps/db/db.yaml"]
