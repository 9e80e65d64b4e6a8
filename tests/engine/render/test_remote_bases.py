"""Bases that are elsewhere: what their addresses mean, and how they come into a build."""

from collections.abc import Callable, Mapping

import pytest

from engine.build import Builder, BuildError, Overlay
from engine.render.base import Files, LimitError
from engine.render.remote import Address, Held, address_of
from engine.source.tree import Tree

MakeTree = Callable[[Mapping[str, str]], Tree]
MakeBuilder = Callable[..., Builder]


def configured(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"


class Elsewhere:
    """Answers from a table; notes what was asked."""

    def __init__(self, repository: Mapping[str, str], file: str = "") -> None:
        self.contents = [(path, text.encode()) for path, text in repository.items()]
        self.text = file
        self.asked: list[tuple[str, str]] = []

    def repository(self, url: str, ref: str) -> Files:
        self.asked.append((url, ref))
        return Held(self.contents)

    def file(self, url: str) -> bytes:
        self.asked.append((url, ""))
        return self.text.encode()


@pytest.mark.parametrize(
    ("text", "url", "ref", "folder"),
    [
        ("https://github.com/org/repo", "https://github.com/org/repo", "", ""),
        ("https://github.com/org/repo/a/b?ref=v1", "https://github.com/org/repo", "v1", "a/b"),
        ("https://github.com/org/repo//a/b?version=v1", "https://github.com/org/repo", "v1", "a/b"),
        ("GitHub.com/org/repo//a?ref=v1&timeout=2m", "https://github.com/org/repo", "v1", "a"),
        ("git::https://git.x.y/org/repo.git/a?ref=x", "https://git.x.y/org/repo.git", "x", "a"),
        ("git@github.com:org/repo.git//a", "ssh://git@github.com/org/repo.git", "", "a"),
        ("git@x.y:org/deep/repo.git//a", "ssh://git@x.y/org/deep/repo.git", "", "a"),
        ("ssh://git@x.y:22/org/repo//a?ref=b", "ssh://git@x.y:22/org/repo", "b", "a"),
        ("http://x.y:80/o/_git/repo/a?ref=b", "http://x.y:80/o/_git/repo", "b", "a"),
        ("https://x.y/a//b/../c", "https://x.y/a", "", "c"),
    ],
)
def test_an_address_is_read_as_kustomize_reads_it(text: str, url: str, ref: str, folder: str) -> None:
    assert address_of(text) == Address(url, ref, folder)


def test_a_manifest_is_known_by_its_name() -> None:
    url = "https://x.y/a/b/install.yaml"
    assert address_of(url) == Address(url, is_file=True)


@pytest.mark.parametrize(
    "text", ["../base", "base", "/abs", "file:///srv/repo", "x.yaml", "https://x.y/a//../b", "a b"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert address_of(text) is None


def test_a_remote_base_is_built_with_the_rest(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree(
        {
            "app/kustomization.yaml": "resources: [https://x.y/o/r//deploy?ref=v1, m.yaml]\n",
            "app/m.yaml": configured("m"),
        }
    )
    remote = Elsewhere(
        {
            "deploy/kustomization.yaml": "resources: [../base]\nnamePrefix: r-\n",
            "base/kustomization.yaml": "resources: [x.yaml]\n",
            "base/x.yaml": configured("x"),
        }
    )
    one = builder(remote=remote, remote_bases=True)
    built = one.build(source, Overlay(path="app"))
    assert [raw["metadata"]["name"] for raw in built.objects] == ["r-x", "m"]
    assert remote.asked == [("https://x.y/o/r", "v1")]
    remote.contents[2] = ("base/x.yaml", configured("y").encode())
    assert one.key(source, Overlay(path="app")) != built.key


def test_a_remote_file_is_a_resource(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"kustomization.yaml": "resources: [https://x.y/m.yaml]\nnamespace: ns\n"})
    one = builder(remote=Elsewhere({}, configured("m")), remote_bases=True)
    assert one.build(source, Overlay()).objects[0]["metadata"] == {"name": "m", "namespace": "ns"}


def test_a_base_that_names_a_remote_one_is_rewritten_too(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree(
        {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [git@x.y:o/r.git]\n"}
    )
    one = builder(
        remote=Elsewhere({"kustomization.yaml": "resources: [x.yaml]", "x.yaml": configured("x")}), remote_bases=True
    )
    assert [raw["metadata"]["name"] for raw in one.build(source, Overlay(path="a")).objects] == ["x"]


def test_a_remote_base_does_not_reach_into_the_source(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"kustomization.yaml": "resources: [https://x.y/o/r]\n", "secret.yaml": configured("s")})
    for path in ("../../secret.yaml", "../secret.yaml", "/etc/passwd"):
        remote = Elsewhere({"kustomization.yaml": f"resources: [{path}]\n"})
        with pytest.raises(BuildError, match="leads out of the source"):
            builder(remote=remote, remote_bases=True).build(source, Overlay())


def test_where_they_are_not_allowed_nothing_is_asked(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"kustomization.yaml": "resources: [https://x.y/o/r]\n"})
    remote = Elsewhere({})
    with pytest.raises(BuildError, match="is fetched from elsewhere"):
        builder(remote=remote, remote_bases=False).build(source, Overlay())
    assert not remote.asked


def test_a_folder_that_the_repository_lacks_is_told(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"kustomization.yaml": "resources:\n- https://x.y/o/r//deploy\n"})
    with pytest.raises(BuildError, match=r'line 2: .*: the repository has no "deploy"'):
        builder(remote=Elsewhere({"a": ""}), remote_bases=True).build(source, Overlay())


def test_a_source_cannot_pretend_to_hold_fetched_bases(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"kustomization.yaml": "resources: [https://x.y/o/r]\n", ".kseal-remote/x": ""})
    with pytest.raises(BuildError, match="the source has a folder of this name"):
        builder(remote=Elsewhere({}), remote_bases=True).build(source, Overlay())


def test_the_number_and_the_size_of_remote_bases_are_bounded(tree: MakeTree, builder: MakeBuilder) -> None:
    many = "".join(f"- https://x.y/o/r{n}\n" for n in range(20))
    remote = Elsewhere({"kustomization.yaml": "namespace: x\n"})
    with pytest.raises(LimitError, match="more than 16 remote bases"):
        builder(remote=remote, remote_bases=True).build(tree({"kustomization.yaml": f"resources:\n{many}"}), Overlay())
    with pytest.raises(LimitError, match="more than 10 bytes"):
        Held([("a", b"x" * 11)], limit_bytes=10)
