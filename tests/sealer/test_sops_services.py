"""Who serves which kind of key in a call of sops."""

from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.cli.sops import services as module
from sealer.cli.sops.services import services
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.borrowed import BorrowedKeys
from sealer.sops.recipients.pgp import PgpService


def test_age_and_pgp_are_served_here_and_each_is_made_once() -> None:
    served = services({}, has_local=True, uris=())
    assert isinstance(served["age"], AgeService)
    assert isinstance(served["pgp"], PgpService)
    assert served["age"] is served["age"]


def test_without_this_process_nobody_serves() -> None:
    served = services({}, has_local=False, uris=())
    assert "age" not in served
    assert served.get("age") is None
    assert list(served) == []


def test_what_is_no_kind_of_key_is_not_served() -> None:
    assert services({}, has_local=True, uris=()).get("nonsense") is None


def test_a_kind_without_a_plug_in_says_what_would_serve_it() -> None:
    with pytest.raises(KsealError, match="no plug-in serves keys of kind hckms") as caught:
        services({}, has_local=True, uris=())["hckms"]
    assert "--backend sops" in str(caught.value.hint)


def test_the_real_sops_serves_what_nobody_else_does() -> None:
    served = services({}, has_local=True, uris=(), borrows=True)
    assert isinstance(served["hckms"], BorrowedKeys)
    assert isinstance(served["age"], AgeService)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(KsealError, match="no address of a key service"):
        services({}, has_local=True, uris=("nonsense",))


def test_our_own_link_is_not_the_real_sops(tmp_path: Path) -> None:
    for folder, program in (("ours", "kseal"), ("theirs", "sops-3.13.3")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / program).touch(mode=0o755)
        (tmp_path / folder / "sops").symlink_to(program)
    path = f"{tmp_path}/none:{tmp_path}/ours:{tmp_path}/theirs"
    assert module._foreign_sops({"PATH": path}) == str(tmp_path / "theirs" / "sops")
    assert module._foreign_sops({}) == "sops"


@pytest.mark.parametrize("path", ["", ".", "bin", "/nonexistent::bin"])
def test_a_program_that_lies_where_we_are_is_not_the_real_sops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "bin").mkdir()
    for place in (tmp_path / "sops", tmp_path / "bin" / "sops"):
        place.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        place.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    served = services({"PATH": path}, has_local=True, uris=(), borrows=True)
    with pytest.raises(KsealError, match="cannot start"):
        served["hckms"].unwrap(MasterKey("hckms", {"key_id": "k"}, "enc"))
    assert not (tmp_path / "started").exists()
