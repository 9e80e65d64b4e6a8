"""Whole files: encrypted, changed, given other keys, opened again."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from engine.errors import KsealError
from sealer.sops import operations
from sealer.sops.errors import AlreadyEncrypted, MacMismatch, NoDataKey, NoDocument, SopsError
from sealer.sops.formats.base import by_name
from sealer.sops.index import NotThere
from sealer.sops.keychanges import changes
from sealer.sops.operations import Keys
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
YAML, JSON = by_name("yaml"), by_name("json")
PLAIN = b"a: 1\nb:\n    - x\n    - c: d\n"


class Locks:
    """A key service whose keys are open to whoever has their name: what is wrapped stands there with the name."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    def wrap(self, key: MasterKey, data: bytes) -> str:
        if "broken" in key.identity:
            raise KsealError("the service is away", "wait")
        return f"{key.identity}:{data.hex()}"

    def unwrap(self, key: MasterKey) -> bytes:
        self.asked.append(key.identity)
        name, _, data = key.enc.partition(":")
        if name not in self.names:
            raise KsealError("not ours")
        return bytes.fromhex(data)


def named(*names: str) -> list[MasterKey]:
    return [MasterKey("pgp", {"fp": name}) for name in names]


def keys(*names: str) -> Keys:
    return Keys({"pgp": Locks(*names)})


def counting() -> Callable[[int], bytes]:
    """Bytes that differ at each call, and are the same in each run."""
    state = [0]

    def draw(size: int) -> bytes:
        state[0] += 1
        return bytes((state[0] + at) % 256 for at in range(size))

    return draw


def encrypted(data: bytes = PLAIN, *groups: list[MasterKey], threshold: int = 0, **rule: str) -> bytes:
    return operations.encrypt_file(
        data,
        YAML,
        YAML,
        keys(),
        groups=groups or [named("ONE")],
        shamir_threshold=threshold,
        selection=Selection(**rule).or_default(),
        now=NOW,
        random=counting(),
    )


def decrypted(data: bytes, *names: str) -> bytes:
    return operations.decrypt_file(data, YAML, YAML, keys(*names))


def test_what_is_encrypted_is_decrypted() -> None:
    made = encrypted()
    assert b"ENC[AES256_GCM" in made
    assert decrypted(made, "ONE") == PLAIN


def test_metadata_tell_the_time_the_rule_and_the_version() -> None:
    metadata = YAML.read_encrypted(encrypted(encrypted_regex="^a$")).metadata
    assert (metadata.last_modified, metadata.version) == ("2026-01-02T03:04:05Z", "3.13.3")
    assert metadata.selection == Selection(encrypted_regex="^a$")
    assert metadata.key_groups[0][0].created_at == "2026-01-02T03:04:05Z"


def test_formats_may_differ() -> None:
    data = operations.encrypt_file(
        PLAIN, YAML, JSON, keys(), groups=[named("ONE")], selection=Selection().or_default(), now=NOW
    )
    assert data.startswith(b"{")
    assert operations.decrypt_file(data, JSON, YAML, keys("ONE")) == PLAIN


@pytest.mark.parametrize(
    ("path", "text"), [(["b", 0], b"x"), (["b", 1], b"c: d\n"), (["a"], b"1\n"), (["b"], b"- x\n- c: d\n")]
)
def test_a_part_is_decrypted_alone(path: list[str | int], text: bytes) -> None:
    assert operations.decrypt_file(encrypted(), YAML, YAML, keys("ONE"), path=path) == text


def test_a_part_of_several_documents_is_of_the_first() -> None:
    data = encrypted(b"a: {b: 1}\n---\nc: 2\n")
    assert operations.decrypt_file(data, YAML, YAML, keys("ONE"), path=["a"]) == b"b: 1\n---\nc: 2\n"


def test_groups_share_the_data_key() -> None:
    data = encrypted(PLAIN, named("ONE"), named("TWO"), named("THREE"), threshold=2)
    assert decrypted(data, "ONE", "THREE") == PLAIN
    with pytest.raises(NoDataKey):
        decrypted(data, "TWO")


def test_all_groups_are_needed_where_no_threshold_is_said() -> None:
    data = encrypted(PLAIN, named("ONE"), named("TWO"))
    assert YAML.read_encrypted(data).metadata.shamir_threshold == 2


def test_an_empty_group_is_refused_in_the_original_words() -> None:
    with pytest.raises(SopsError) as caught:
        encrypted(PLAIN, [])
    assert str(caught.value) == "Could not generate data key: [empty key group provided]"


def test_a_key_that_does_not_wrap_is_named() -> None:
    with pytest.raises(SopsError, match=r"Could not generate data key: .*broken: .*the service is away"):
        encrypted(PLAIN, named("ONE", "broken"))


def test_what_is_encrypted_already_is_refused() -> None:
    with pytest.raises(AlreadyEncrypted):
        encrypted(encrypted())


def test_nothing_is_refused() -> None:
    with pytest.raises(NoDocument):
        encrypted(b"")


def test_a_value_is_set_and_the_others_keep_their_ciphertext() -> None:
    before = encrypted()
    after, differs = operations.set_value(before, YAML, YAML, keys("ONE"), path=["a"], value=2, now=LATER)
    assert differs
    lines = [
        one.split(b":")[0].strip()
        for one, other in zip(before.split(b"\n"), after.split(b"\n"), strict=True)
        if one != other
    ]
    assert lines == [b"a", b"lastmodified", b"mac"]
    assert decrypted(after, "ONE") == PLAIN.replace(b"a: 1", b"a: 2")


def test_setting_what_is_there_differs_in_nothing() -> None:
    _, differs = operations.set_value(encrypted(), YAML, YAML, keys("ONE"), path=["a"], value=1, now=LATER)
    assert not differs


def test_the_place_of_the_metadata_cannot_be_set() -> None:
    with pytest.raises(AlreadyEncrypted):
        operations.set_value(encrypted(), YAML, YAML, keys("ONE"), path=["sops"], value=1, now=LATER)


def test_a_value_is_removed() -> None:
    after = operations.unset_value(encrypted(), YAML, YAML, keys("ONE"), path=["b", 0], now=LATER)
    assert decrypted(after, "ONE") == b"a: 1\nb:\n    - c: d\n"
    with pytest.raises(NotThere):
        operations.unset_value(after, YAML, YAML, keys("ONE"), path=["z"], now=LATER)


def test_a_rotated_file_has_another_data_key_and_other_keys() -> None:
    before = encrypted(PLAIN, named("ONE", "TWO"), named("TWO", "THREE"))
    after = operations.rotate_file(
        before, YAML, YAML, keys("ONE", "THREE"), add=named("FOUR"), remove=named("TWO"), now=LATER
    )
    groups = [[key.identity for key in group] for group in YAML.read_encrypted(after).metadata.key_groups]
    assert groups == [["ONE", "FOUR"], ["THREE"]]
    assert YAML.read_encrypted(after).metadata.key_groups[0][0].created_at == "2026-01-02T03:04:05Z"
    assert YAML.read_encrypted(after).metadata.key_groups[0][1].created_at == "2026-05-06T07:08:09Z"
    assert decrypted(after, "FOUR", "THREE") == PLAIN
    with pytest.raises(NoDataKey):
        decrypted(after, "TWO")


def test_the_last_key_does_not_go() -> None:
    with pytest.raises(SopsError, match="empty key group"):
        operations.rotate_file(encrypted(), YAML, YAML, keys("ONE"), remove=named("ONE"), now=LATER)


def test_other_master_keys_leave_values_time_and_mac_as_they_are() -> None:
    before = YAML.read_encrypted(encrypted())
    after = operations.rewrapped(before, keys("ONE"), groups=[named("ONE", "TWO")], shamir_threshold=0, now=LATER)
    assert after.branches == before.branches
    assert (after.metadata.mac, after.metadata.last_modified) == (before.metadata.mac, before.metadata.last_modified)
    assert decrypted(YAML.write_encrypted(after), "TWO") == PLAIN


def test_a_changed_file_is_found_out_unless_the_mac_is_ignored() -> None:
    data = encrypted(b"a: 1\nb_unencrypted: xx\n").replace(b"b_unencrypted: xx", b"b_unencrypted: yy")
    with pytest.raises(MacMismatch):
        decrypted(data, "ONE")
    plain = operations.decrypt_file(data, YAML, YAML, keys("ONE"), ignore_mac=True)
    assert plain == b"a: 1\nb_unencrypted: yy\n"


def test_the_status_of_a_file() -> None:
    assert operations.is_encrypted(encrypted(), YAML)
    assert not operations.is_encrypted(PLAIN, YAML)
    assert not operations.is_encrypted(encrypted().replace(b"mac: ENC", b"other: ENC"), YAML)


def test_keys_are_tried_in_the_order_that_is_asked_for() -> None:
    locks = Locks("TWO")
    groups = [
        [*named("ONE"), MasterKey("hc_vault", {"vault_address": "https://v", "engine_path": "t", "key_name": "TWO"})]
    ]
    services = {"pgp": locks, "hc_vault": locks}
    data = operations.encrypt_file(
        PLAIN, YAML, YAML, Keys(services), groups=groups, selection=Selection().or_default(), now=NOW
    )
    for order, first in ((("hc_vault", "pgp"), "https://v/v1/t/keys/TWO"), (("pgp",), "ONE")):
        locks.asked.clear()
        with pytest.raises(NoDataKey):
            operations.decrypt_file(data, YAML, YAML, Keys(services, order))
        assert locks.asked[0] == first


def test_what_holds_plaintext_does_not_print() -> None:
    opened = operations.open_file(encrypted(), YAML, keys("ONE"))
    assert "x" not in repr(opened)
    assert repr(opened) == "Opened()"


def test_changes_between_groups() -> None:
    found = changes([named("ONE", "TWO"), named("FIVE")], [named("TWO", "THREE")])
    told = [[[key.identity for key in part] for part in (one.common, one.added, one.removed)] for one in found]
    assert told == [[["TWO"], ["THREE"], ["ONE"]], [[], [], ["FIVE"]]]
    assert all(found)
    assert not any(changes([named("ONE")], [named("ONE")]))
