"""A data key goes into key groups and comes back, and a refusal names every key that was tried."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops import groups
from sealer.sops.errors import NoDataKey, SopsError
from sealer.sops.groups import NotUnwrapped, unwrap_data_key, wrap_data_key
from sealer.sops.recipients.base import Field, MasterKey

DATA_KEY = Sensitive(bytes(range(32)))
NOW = "2026-01-02T03:04:05Z"


class Metadata(NamedTuple):
    key_groups: list[list[MasterKey]]
    shamir_threshold: int = 0


class Service:
    """Wraps as hexadecimal digits, fails for the identities named, and remembers who was asked."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken
        self.asked: list[str] = []

    def wrap(self, key: MasterKey, data: bytes) -> str:
        self._check(key)
        return data.hex()

    def unwrap(self, key: MasterKey) -> bytes:
        self._check(key)
        return bytes.fromhex(key.enc)

    def _check(self, key: MasterKey) -> None:
        self.asked.append(key.identity)
        if key.identity in self.broken:
            raise KsealError(f"{key.identity} is away", "wait")


def age(name: str) -> MasterKey:
    return MasterKey("age", {"recipient": name})


def pgp(name: str) -> MasterKey:
    return MasterKey("pgp", {"fp": name})


def services(*broken: str) -> dict[str, Service]:
    service = Service(*broken)
    return {"age": service, "pgp": service, "kms": service}


def wrapped(*group: list[MasterKey], threshold: int = 0) -> Metadata:
    return Metadata(wrap_data_key(group, threshold, DATA_KEY, services(), now=NOW), threshold)


def test_each_key_of_one_group_gives_the_whole_data_key() -> None:
    metadata = wrapped([age("a"), pgp("b")], threshold=2)
    assert [key.enc for key in metadata.key_groups[0]] == [DATA_KEY.reveal().hex()] * 2
    assert [key.created_at for key in metadata.key_groups[0]] == [None, NOW]
    for broken in ("a", "b"):
        assert unwrap_data_key(metadata, services(broken)) == DATA_KEY


def test_groups_take_the_threshold_and_every_group_is_tried() -> None:
    metadata = wrapped([age("a")], [age("b"), pgp("c")], [age("d")], threshold=2)
    assert [len(key.enc) for group in metadata.key_groups for key in group] == [66] * 4
    available = services("a", "b")
    assert unwrap_data_key(metadata, available) == DATA_KEY
    assert available["age"].asked == ["a", "b", "c", "d"]
    with pytest.raises(NotUnwrapped) as caught:
        unwrap_data_key(metadata, services("a", "b", "c"))
    assert caught.value.message.splitlines() == [
        "cannot get the data key: 2 key groups are needed, and 1 opened",
        "  group 0: age a: a is away",
        "  group 1: age b: b is away",
        "  group 1: pgp c: c is away",
        "  group 2: age d: ok",
    ]
    assert (caught.value.hint, caught.value.code) == ("wait", 128)


def test_no_threshold_means_all_groups() -> None:
    metadata = wrapped([age("a")], [age("b")])
    assert unwrap_data_key(metadata, services()) == DATA_KEY
    with pytest.raises(NotUnwrapped, match="2 key groups are needed, and 1 opened"):
        unwrap_data_key(metadata, services("b"))


def test_keys_are_tried_in_the_order_of_their_kinds_and_then_as_they_stand() -> None:
    aws = MasterKey("kms", {"arn": "k"})
    metadata = wrapped([aws, pgp("p1"), age("a1"), pgp("p2"), age("a2")])
    everyone = ("k", "p1", "p2", "a1", "a2")
    for order, asked in (
        (("age", "pgp"), ["a1", "a2", "p1", "p2", "k"]),
        (("kms",), ["k", "p1", "a1", "p2", "a2"]),
        ((), ["k", "p1", "a1", "p2", "a2"]),
    ):
        available = services(*everyone)
        with pytest.raises(NotUnwrapped):
            unwrap_data_key(metadata, available, order=order)
        assert available["age"].asked == asked
    available = services("a1")
    assert unwrap_data_key(metadata, available) == DATA_KEY
    assert available["age"].asked == ["a1", "a2"]


def test_a_key_whose_kind_nobody_serves_is_told_and_the_others_are_tried() -> None:
    metadata = wrapped([age("a"), pgp("b")])
    assert unwrap_data_key(metadata, {"pgp": Service()}) == DATA_KEY
    with pytest.raises(NotUnwrapped, match="age a: nothing here serves keys of kind age"):
        unwrap_data_key(metadata, {"pgp": Service("b")})


def test_a_name_out_of_a_file_is_shown_short_and_printable() -> None:
    hostile = age("age1\x1b[31m\n" + "q" * 2000 + "end")
    with pytest.raises(NotUnwrapped) as caught:
        unwrap_data_key(Metadata([[hostile]]), services(hostile.identity))
    line = caught.value.message.splitlines()[1]
    assert line.startswith("  age age1?[31m?qqq")
    assert "qqqend: " in line
    assert len(line.partition(": ")[0]) < 120


@pytest.mark.parametrize("enc", ["", "00" * 16, "00" * 33])
def test_what_has_not_the_length_of_a_data_key_is_none(enc: str) -> None:
    with pytest.raises(NotUnwrapped, match=f"it holds {len(enc) // 2} bytes where 32 are wanted"):
        unwrap_data_key(Metadata([[age("a").wrapping(enc, NOW)]]), services())


def test_parts_that_do_not_belong_together_are_refused() -> None:
    same = age("a").wrapping("00" * 32 + "01", NOW)
    with pytest.raises(NoDataKey, match="do not fit together"):
        unwrap_data_key(Metadata([[same], [same]], 2), services())


@pytest.mark.parametrize(
    ("given", "threshold", "said"),
    [
        ([], 0, "no key groups provided"),
        ([[]], 0, "empty key group provided"),
        ([[age("a")], []], 0, "empty key group provided"),
        ([[age("a")], [age("b")]], 1, "cannot split the data key"),
        ([[age("a")], [age("b")]], 3, "cannot split the data key"),
    ],
)
def test_groups_that_cannot_carry_a_data_key_are_refused(
    given: list[list[MasterKey]], threshold: int, said: str
) -> None:
    with pytest.raises(SopsError, match=said):
        wrap_data_key(given, threshold, DATA_KEY, services(), now=NOW)


def test_every_key_that_cannot_wrap_is_listed_and_nothing_comes_of_it() -> None:
    with pytest.raises(SopsError) as caught:
        wrap_data_key([[age("a"), pgp("b"), age("c")]], 0, DATA_KEY, services("a", "b"), now=NOW)
    assert caught.value.message.splitlines() == [
        "age a: cannot wrap the data key: a is away",
        "pgp b: cannot wrap the data key: b is away",
    ]


def test_a_service_completes_a_key_and_others_stay_as_they_are() -> None:
    class Newest(Service):
        def resolve(self, key: MasterKey) -> Mapping[str, Field]:
            return {**key.fields, "version": "7"}

    given = [[MasterKey("azure_kv", {"vault_url": "https://v", "name": "n", "version": ""}), age("a")]]
    ((complete, other),) = groups.resolve(given, {"azure_kv": Newest(), "age": Service()})
    assert complete.identity == "https://v/keys/n/7"
    assert other is given[0][1]
