"""Many files at once: what is asked once, what waits at the same time, and what an error ends."""

import threading
from collections.abc import Mapping

import pytest

from engine.errors import KsealError
from sealer.sops.batch import AT_ONCE, Batch
from sealer.sops.operations import Keys
from sealer.sops.recipients.base import Field, MasterKey


class Service:
    """Unwraps to the bytes of `enc`; counts, and where it is told to waits for as many callers as there are places."""

    def __init__(self, together: int = 1) -> None:
        self.asked: list[str] = []
        self._barrier = threading.Barrier(together)

    def wrap(self, key: MasterKey, data: bytes) -> str:
        del key
        return data.decode()

    def unwrap(self, key: MasterKey) -> bytes:
        self.asked.append(key.enc)
        self._barrier.wait(30)
        if key.enc.startswith("bad"):
            raise KsealError("refused")
        return key.enc.encode()


class Completing(Service):
    def resolve(self, key: MasterKey) -> Mapping[str, Field]:
        return {**key.fields, "version": "1"}


def key(enc: str, kind: str = "hc_vault") -> MasterKey:
    return MasterKey(kind, {"vault_address": "a", "engine_path": "b", "key_name": "c"}, enc)


def test_a_wrapped_key_is_unwrapped_once_and_refused_once() -> None:
    service = Service()
    batch = Batch(Keys({"hc_vault": service}))
    encs = ["one", "two", "bad", "one", "bad", "one"] * 10
    done = batch.each(encs, lambda enc: batch.keys.services["hc_vault"].unwrap(key(enc)))
    assert sorted(service.asked) == ["bad", "one", "two"]
    assert [one.result or str(one.error) for one in done] == [
        "refused" if enc == "bad" else enc.encode() for enc in encs
    ]


def test_files_wait_for_a_service_at_the_same_time() -> None:
    service = Service(together=AT_ONCE)
    batch = Batch(Keys({"hc_vault": service}))
    encs = [str(number) for number in range(2 * AT_ONCE)]
    done = batch.each(encs, lambda enc: batch.keys.services["hc_vault"].unwrap(key(enc)))
    assert [one.result for one in done] == [enc.encode() for enc in encs]


def test_one_file_is_reckoned_with_at_a_time() -> None:
    inside, most, guard = 0, 0, threading.Lock()
    batch = Batch(Keys({}))

    def work(_: int) -> None:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        with guard:
            inside -= 1

    batch.each(range(200), work)
    assert most == 1


def test_an_error_ends_one_file_and_is_told_in_its_place() -> None:
    steps: list[int] = []

    def work(number: int) -> int:
        if number % 3 == 0:
            raise KsealError(f"no {number}")
        return number

    done = Batch(Keys({})).each(range(7), work, lambda: steps.append(1))
    assert [(one.item, one.result, one.error and one.error.message) for one in done] == [
        (number, None, f"no {number}") if number % 3 == 0 else (number, number, None) for number in range(7)
    ]
    assert len(steps) == 7


def test_what_is_no_refusal_ends_the_run() -> None:
    class Broken(Service):
        def unwrap(self, key: MasterKey) -> bytes:
            raise ZeroDivisionError(key.enc)

    batch = Batch(Keys({"hc_vault": Broken()}))
    with pytest.raises(ZeroDivisionError):
        batch.each(["same"] * 20, lambda enc: batch.keys.services["hc_vault"].unwrap(key(enc)))


def test_services_keep_what_they_can_do_and_are_made_once() -> None:
    services = {"hc_vault": Service(), "azure_kv": Completing()}
    shared = Batch(Keys(services)).keys.services
    assert shared["hc_vault"] is shared["hc_vault"]
    assert not hasattr(shared["hc_vault"], "resolve")
    assert hasattr(shared["azure_kv"], "resolve")
    assert (list(shared), len(shared), "age" in shared) == (["hc_vault", "azure_kv"], 2, False)
    with pytest.raises(KeyError):
        shared["age"]
