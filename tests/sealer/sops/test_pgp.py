"""Whatever a gpg says or does, a data key comes out within bounds or a refusal says why. Real gpg: tests/interop."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.pgp import PgpService

FINGERPRINT = "85D77543B3D624B63CEA9E6DBC17301B491B3F21"


@pytest.fixture
def gpg(tmp_path: Path) -> Callable[..., PgpService]:
    """A service whose gpg is a few lines of Python."""

    def make(body: str, *, timeout_seconds: float = 20.0) -> PgpService:
        program = tmp_path / "gpg"
        program.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
        program.chmod(0o700)
        return PgpService({"SOPS_GPG_EXEC": str(program)}, timeout_seconds=timeout_seconds)

    return make


def key(enc: str = "a message", fingerprint: str = FINGERPRINT) -> MasterKey:
    return MasterKey("pgp", {"fp": fingerprint}, enc)


def test_data_goes_through_pipes_and_the_arguments_are_those_of_the_original(gpg: Callable[..., PgpService]) -> None:
    service = gpg("print(sys.argv[1:]); print(sys.stdin.read())")
    said = service.wrap(key(fingerprint=FINGERPRINT + "!"), b"data key")
    assert said == (
        "['--batch', '--no-default-recipient', '--yes', '--encrypt', '-a', '-r', "
        f"'{FINGERPRINT}!', '--trusted-key', 'BC17301B491B3F21!', '--no-encrypt-to']\ndata key"
    )
    assert service.unwrap(key()) == b"['--batch', '-d']\na message\n"


@pytest.mark.parametrize("fingerprint", ["", "--output=/tmp/x", "somebody@example.com", "BC17301B", "F" * 15 + "!!"])
def test_what_is_no_fingerprint_never_becomes_an_argument(gpg: Callable[..., PgpService], fingerprint: str) -> None:
    with pytest.raises(KsealError, match="is no PGP fingerprint"):
        gpg("print('message')").wrap(key(fingerprint=fingerprint), b"data")


def test_endless_output_is_cut_off(gpg: Callable[..., PgpService]) -> None:
    for stream in ("stdout", "stderr"):
        with pytest.raises(KsealError, match="more than 262144 bytes"):
            gpg(f"while True: sys.{stream}.write('x' * 65536)").unwrap(key())


def test_a_gpg_that_does_not_end_is_ended(gpg: Callable[..., PgpService]) -> None:
    with pytest.raises(KsealError, match=r"no end after 0\.2 s"):
        gpg("time.sleep(60)", timeout_seconds=0.2).unwrap(key())
    with pytest.raises(KsealError, match=r"no end after 0\.2 s"):
        gpg(
            "sys.stdout.close(); sys.stderr.close(); import os; os.close(1); os.close(2); time.sleep(60)",
            timeout_seconds=0.2,
        ).unwrap(key())


def test_nothing_decrypted_is_no_data_key(gpg: Callable[..., PgpService]) -> None:
    with pytest.raises(KsealError, match="to nothing"):
        gpg("sys.stdin.read()").unwrap(key())


def test_a_gpg_that_does_not_listen_is_heard(gpg: Callable[..., PgpService]) -> None:
    assert gpg("sys.stdin.close(); print('data')").unwrap(key("m" * 60_000)) == b"data\n"


def test_the_reason_is_the_end_of_what_gpg_says(gpg: Callable[..., PgpService]) -> None:
    body = "print('gpg: one\\ngpg: two\\ngpg: three\\ngpg: no secret \\x1b[31mkey', file=sys.stderr); sys.exit(2)"
    with pytest.raises(KsealError) as caught:
        gpg(body).unwrap(key())
    assert caught.value.message == "gpg cannot decrypt: two; three; no secret ?[31mkey"
    assert "GNUPGHOME" in (caught.value.hint or "")


def test_a_gpg_that_is_not_there_and_a_message_too_long_are_refused() -> None:
    with pytest.raises(KsealError, match='cannot start "/nowhere/gpg": no such file'):
        PgpService({"SOPS_GPG_EXEC": "/nowhere/gpg"}).unwrap(key())
    with pytest.raises(KsealError, match="longer than 65536 bytes"):
        PgpService({}).unwrap(key("m" * 70_000))


def test_a_reason_of_one_endless_line_is_cut_short(gpg: Callable[..., PgpService]) -> None:
    with pytest.raises(KsealError) as caught:
        gpg("sys.stderr.write('x' * 100_000); sys.exit(2)").unwrap(key())
    assert len(caught.value.message) < 400
