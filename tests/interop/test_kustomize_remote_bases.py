"""Remote bases over real HTTP and Git: ours beside what the real kustomize makes of the same addresses."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.build import Builder, BuildError, Overlay
from engine.kube.yaml import Dialect, read_all
from engine.remotebases import RemoteBases
from engine.render.jail import Jail
from engine.source.archive import Limits
from engine.source.git import GitSource
from engine.source.guard import Guard
from engine.source.tree import of_folder
from tests.kit import programs, real
from tests.kit.gitserver import GitServer

pytestmark = [pytest.mark.interop, pytest.mark.slow]

_BASE = {
    "deploy/kustomization.yaml": "resources: [../base]\nnamePrefix: r-\n",
    "base/kustomization.yaml": "resources: [x.yaml]\nconfigMapGenerator: [{name: g, files: [f.jpg]}]\n",
    "base/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
    "base/f.jpg": "which sources leave out",
}


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        given = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path / "work")]
        done = subprocess.run([real.require("git"), *given, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


@pytest.fixture
def url(tmp_path: Path, git: Callable[..., str]) -> Iterator[str]:
    """A repository with a branch, a tag and a commit after it."""
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served") as server:
        address = server.repository("base")
        for path, text in _BASE.items():
            (tmp_path / "work" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "work" / path).write_text(text)
        git("init", "--quiet", "--initial-branch=main")
        git("add", ".")
        git("commit", "--quiet", "-m", "one")
        git("tag", "-m", "one", "v1")
        (tmp_path / "work/base/x.yaml").write_text(_BASE["base/x.yaml"].replace("name: x", "name: newer"))
        git("commit", "--quiet", "-am", "two")
        git("push", "--quiet", address, "main", "v1")
        yield address


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Callable[..., Builder]]:
    guard = Guard(allow=["127.0.0.0/8"])
    source = GitSource(tmp_path / "mirrors", environ={"PATH": "/usr/local/bin:/usr/bin:/bin"}, guard=guard)
    (tmp_path / "memory").mkdir()
    with Jail() as jail:
        yield lambda **given: Builder(
            kustomize=programs.find("kustomize"),
            jail=jail,
            cache=None,
            remote_bases=True,
            scratch=tmp_path / "memory",
            remote=RemoteBases(source, guard),
            **given,
        )


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("ref", ["", "?ref=main", "?ref=v1", "?ref=COMMIT"])
def test_a_base_in_a_repository_is_what_kustomize_fetches(
    tmp_path: Path, url: str, git: Callable[..., str], builder: Callable[..., Builder], *, ref: str, plain: bool
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    entry = f"{url}/deploy{ref.replace('COMMIT', git('rev-parse', 'main'))}"
    (source / "kustomization.yaml").write_text(f"resources:\n- {entry}\nnamespace: there\n")
    command = [programs.find("kustomize"), "build", "--reorder=none", "."]
    judged = subprocess.run(command, cwd=source, capture_output=True, check=True)
    built = builder(plain=plain).build(of_folder(source, limits=Limits()), Overlay())
    assert list(built.objects) == read_all(judged.stdout, dialect=Dialect.V2, source="x")


def test_a_reference_that_is_not_there_is_told(tmp_path: Path, url: str, builder: Callable[..., Builder]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "kustomization.yaml").write_text(f"resources: ['{url}//deploy?ref=none']\n")
    with pytest.raises(BuildError, match=r'remote base "http://127\.0\.0\.1:\d+/base\.git": .*none'):
        builder().build(of_folder(source, limits=Limits()), Overlay())


def test_an_address_that_may_not_be_dialled_is_not(tmp_path: Path, builder: Callable[..., Builder]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for entry in ("http://169.254.169.254/latest/meta-data.yaml", "http://169.254.169.254/a/b"):
        (source / "kustomization.yaml").write_text(f"resources: ['{entry}']\n")
        with pytest.raises(BuildError, match="may not be dialled"):
            builder().build(of_folder(source, limits=Limits()), Overlay())
