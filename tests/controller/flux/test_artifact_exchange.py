"""Artifacts that one controller serves and another one reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.flux.artifacts import Artifacts, advertised_url, routes, with_host
from controller.runtime.http import Handler, HttpServer
from controller.runtime.httpwire import Request
from engine.source.archive import pack
from engine.source.base import Artifact, SourceError
from engine.source.guard import Guard
from engine.source.store import Store
from engine.source.trees import Trees

FILES = [("apps/web.yaml", False, b"kind: ConfigMap\n"), ("run.sh", True, b"#!/bin/sh\n")]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _fail(error: Exception) -> None:
    raise AssertionError from error


@pytest.fixture
def theirs(tmp_path: Path) -> Store:
    return Store(tmp_path / "theirs")


@pytest.fixture
def server(theirs: Store) -> Iterator[HttpServer]:
    served = HttpServer("127.0.0.1:0", routes(theirs), observe=lambda *_: None, on_error=_fail)
    served.start()
    yield served
    served.stop(1)


def stored(store: Store, address: str, *, content: bytes = b"kind: ConfigMap\n") -> Artifact:
    files = [("apps/web.yaml", False, content), FILES[1]]
    put = store.put("gitrepository/flux-system/fleet", "abc.tar.gz", lambda target: pack(files, target))
    return Artifact(put.path, advertised_url(address, put.path), "main@sha1:abc", put.digest, NOW, put.size)


def reader(
    tmp_path: Path, store: Store | None = None, *, guard: Guard | None = None, source_host: str = ""
) -> Artifacts:
    return Artifacts(
        store or Store(tmp_path / "ours"),
        Trees(tmp_path / "trees"),
        guard or Guard(),
        attempts=1,
        source_host=source_host,
    )


def test_anothers_artifact_is_fetched_and_read(tmp_path: Path, theirs: Store, server: HttpServer) -> None:
    artifact = stored(theirs, f"127.0.0.1:{server.port}")
    with reader(tmp_path).lease(artifact) as tree:
        assert {path: tree.read(path) for path in tree.files} == {path: content for path, _, content in FILES}
        assert tree.files["run.sh"].is_executable


def test_our_own_artifact_needs_no_request(tmp_path: Path, theirs: Store) -> None:
    artifact = stored(theirs, "nowhere.invalid")
    with reader(tmp_path, theirs).lease(artifact) as tree:
        assert tree.has_folder("apps")


def test_a_file_of_the_same_path_with_another_digest_is_not_taken(
    tmp_path: Path, theirs: Store, server: HttpServer
) -> None:
    artifact = stored(theirs, f"127.0.0.1:{server.port}")
    ours = Store(tmp_path / "ours")
    stored(ours, "nowhere.invalid", content=b"kind: Secret\n")
    with reader(tmp_path, ours).lease(artifact) as tree:
        assert tree.read("apps/web.yaml") == b"kind: ConfigMap\n"


def test_what_comes_with_another_digest_is_refused(tmp_path: Path, theirs: Store, server: HttpServer) -> None:
    artifact = stored(theirs, f"127.0.0.1:{server.port}")._replace(digest=f"sha256:{'0' * 64}")
    with pytest.raises(SourceError, match="digest"), reader(tmp_path).lease(artifact):
        pass


def test_metadata_addresses_are_not_asked(tmp_path: Path, theirs: Store) -> None:
    artifact = stored(theirs, "169.254.169.254")
    with pytest.raises(SourceError), reader(tmp_path).lease(artifact):
        pass


def test_another_host_may_be_asked_for_local_runs(tmp_path: Path, theirs: Store, server: HttpServer) -> None:
    artifact = stored(theirs, "source-controller.flux-system.svc.cluster.local.")
    with reader(tmp_path, source_host=f"127.0.0.1:{server.port}").lease(artifact) as tree:
        assert tree.has_folder("apps")


def test_the_advertised_address_may_carry_a_scheme() -> None:
    path = "gitrepository/a/b/c.tar.gz"
    assert advertised_url("host:9090", path) == f"http://host:9090/{path}"
    assert advertised_url("https://host/", path) == f"https://host/{path}"


def test_only_the_host_of_a_url_is_replaced() -> None:
    assert with_host("http://one:80/a/b?c", "two:90") == "http://two:90/a/b?c"
    assert with_host("http://one/a", "") == "http://one/a"


@pytest.fixture(scope="module")
def handler(tmp_path_factory: pytest.TempPathFactory) -> Handler:
    root = tmp_path_factory.mktemp("served")
    (root / "secret.tar.gz").write_bytes(b"not for you")
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "c" / "secret.tar.gz").write_bytes(b"not for you")
    store = Store(root / "artifacts")
    stored(store, "here")
    folder = root / "artifacts" / "gitrepository" / "flux-system" / "fleet"
    (folder / ".new-1").write_bytes(b"not yet")
    (folder / "link.tar.gz").symlink_to(root / "secret.tar.gz")
    (folder / "folder").mkdir()
    (root / "artifacts" / "gitrepository" / "flux-system" / "linked").symlink_to(root / "a" / "b" / "c")
    return routes(store)[0].handler


PARTS = ["gitrepository", "flux-system", "fleet", "abc.tar.gz", "link.tar.gz", "linked", "secret.tar.gz", "folder"]
ODD = ["..", ".", "", ".new-1", "%2e%2e", "..%2f", "a\\b", "a", "b", "c", "\x00", "etc", "passwd", "//"]


@given(st.lists(st.sampled_from([*PARTS, *ODD]), max_size=8))
@example(["gitrepository", "flux-system", "fleet", "link.tar.gz"])
@example(["gitrepository", "flux-system", "linked", "secret.tar.gz"])
@example(["gitrepository", "flux-system", "fleet", ".new-1"])
@example(["gitrepository", "flux-system", "fleet", "folder"])
@example(["..", "a", "b", "c", "secret.tar.gz"])
def test_nothing_but_whole_artifacts_is_served(handler: Handler, parts: list[str]) -> None:
    answer = handler(Request("GET", "/" + "/".join(parts)))
    is_artifact = parts == ["gitrepository", "flux-system", "fleet", "abc.tar.gz"]
    assert (answer.status == 200) is is_artifact
    if answer.file is not None:
        answer.file.close()
