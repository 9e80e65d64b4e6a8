"""What a delivery decrypts, what it leaves alone, and what it refuses."""

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.objectfile import called
from sealer.sops.cipher import Cipher
from sealer.sops.cluster_keys import ClusterKeys, SecretData
from sealer.sops.decryptor import DISABLED, Bounds, Decryptor
from sealer.sops.errors import MacMismatch, SopsError
from sealer.sops.formats.base import by_name
from sealer.sops.markers import detected, form_of, form_of_env
from sealer.sops.operations import Keys, encrypt_file
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import KeyService, MasterKey
from sealer.sops.recipients.lookup import Given
from sealer.sops.selection import Selection

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IDENTITY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
SECRET = b"""apiVersion: v1
kind: Secret
metadata:
    name: db
    namespace: shop
stringData:
    password: hunter2
    user: app
"""
KEYS = SecretData("Secret/flux-system/sops-keys", {"age.agekey": str(IDENTITY).encode()})


def encrypted(data: bytes, form: str, pattern: str = "^(data|stringData)$") -> bytes:
    """A file for IDENTITY."""
    store = by_name(form)
    key = MasterKey("age", {"recipient": str(IDENTITY.to_public())})
    selection = Selection(encrypted_regex=pattern) if form in ("yaml", "json") else Selection()
    keys = Keys({"age": AgeService(Given({}))})
    return encrypt_file(data, store, store, keys, groups=[[key]], selection=selection, now=NOW)


def built(text: bytes, **metadata: Any) -> dict[str, Any]:
    """The resource in an encrypted file, as kustomize hands it on: sorted, and with other metadata."""
    found = json.loads(by_name("json").write_plain(by_name("yaml").read_plain(text)))
    found["metadata"].update(metadata)
    return dict(sorted(found.items()))


def decryptor(warnings: list[str] | None = None, keys: SecretData | None = KEYS, **settings: Any) -> Decryptor:
    return Decryptor(ClusterKeys(keys), warn=(warnings if warnings is not None else []).append, **settings)


def test_a_built_secret_is_decrypted_whatever_the_build_did_to_it() -> None:
    warnings: list[str] = []
    text = encrypted(SECRET, "yaml")
    with decryptor(warnings, refuses_wrong_mac=True) as run:
        assert run.check(text, "db.yaml")
        assert run.resource(built(text, namespace="other", labels={"app": "x"})) == {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "other", "labels": {"app": "x"}},
            "stringData": {"password": "hunter2", "user": "app"},
        }
    assert warnings == []


def test_a_built_secret_whose_file_was_not_seen_is_told_of_or_refused() -> None:
    warnings: list[str] = []
    resource = built(encrypted(SECRET, "yaml"), name="b", namespace="a")
    assert decryptor(warnings).resource(resource)["stringData"] == {"password": "hunter2", "user": "app"}
    assert [warning.partition(": ")[0] for warning in warnings] == ["Secret/a/b"]
    with pytest.raises(MacMismatch, match=r"^Secret/a/b: MAC mismatch") as caught:
        decryptor(refuses_wrong_mac=True).resource(resource)
    assert "file that it comes from" in str(caught.value.hint)


def test_a_resource_that_nothing_changed_needs_no_file() -> None:
    resource = json.loads(encrypted(json.dumps({"kind": "Secret", "data": {"a": "Yg=="}}).encode(), "json"))
    assert decryptor(refuses_wrong_mac=True).resource(resource) == {"kind": "Secret", "data": {"a": "Yg=="}}


def test_a_wrong_mac_of_a_file_is_told_once_or_refused() -> None:
    warnings: list[str] = []
    text = encrypted(SECRET, "yaml").replace(b"namespace: shop", b"namespace: evil")
    run = decryptor(warnings)
    assert not run.check(text, "apps/db.yaml")
    assert run.resource(built(text))["stringData"]["password"] == "hunter2"
    assert len(warnings) == 1
    assert warnings[0].startswith("apps/db.yaml: MAC mismatch")
    with pytest.raises(MacMismatch, match=r"^apps/db\.yaml: MAC mismatch"):
        decryptor(refuses_wrong_mac=True).check(text, "apps/db.yaml")


def test_a_right_mac_does_not_vouch_for_values_of_another_file() -> None:
    """Metadata copied from a good file to one whose values were exchanged for others under the same data key."""
    good = encrypted(SECRET, "yaml")
    old = built(good)
    key = by_name("yaml").read_encrypted(good)
    with decryptor(refuses_wrong_mac=True) as run:
        assert run.check(good, "db.yaml")
        cipher = Cipher(run._keys.get(key.metadata).reveal())
        old["stringData"]["password"] = cipher.encrypt("swapped", b"stringData:password:", bytes(32))
        with pytest.raises(MacMismatch):
            run.resource(old)


def test_documents_that_were_encrypted_one_by_one_are_each_checked() -> None:
    other = SECRET.replace(b"name: db", b"name: mail")
    text = encrypted(SECRET, "yaml") + b"---\n" + encrypted(other, "yaml") + b"---\nkind: ConfigMap\n"
    with decryptor(refuses_wrong_mac=True) as run:
        assert run.check(text, "both.yaml")
    with pytest.raises(MacMismatch):
        decryptor(refuses_wrong_mac=True).check(text.replace(b"name: mail", b"name: post"), "both.yaml")


@pytest.mark.parametrize(
    ("name", "form", "plain"),
    [
        ("config.json", "json", b'{\n\t"a": "b"\n}\n'),
        ("app.env", "dotenv", b"A=b\nC=d e\n"),
        ("app.ini", "ini", b"[a]\nb = c\n"),
        ("key.pem", "binary", b"\x00\xff any bytes"),
        ("x.dockerconfigjson", "json", b'{\n\t"auths": {}\n}\n'),
    ],
)
def test_files_of_generators_come_out_in_their_own_format(name: str, form: str, plain: bytes) -> None:
    assert form_of(name) == form
    data = encrypted(plain, form, pattern=".")
    assert detected(data) in {form, "json"}
    run = decryptor(refuses_wrong_mac=True)
    assert run.file(data, name, form) == plain
    assert run.file(plain, name, form) is plain
    raw = {"kind": "Secret", "metadata": {"name": "s"}, "data": {name: b64encode(data).decode(), "plain": "YQ=="}}
    opened = run.resource(raw)["data"]
    assert b64decode(opened[name]) == plain
    assert opened["plain"] == "YQ=="
    assert b64decode(raw["data"][name]) == data, "what is given is not changed"


def test_files_of_variables_are_dotenv_whatever_they_are_called() -> None:
    assert [form_of_env(name) for name in ("env", "x.env", "x.yaml", "x.json")] == ["dotenv", "dotenv", "yaml", "json"]


@pytest.mark.parametrize("word", ["disabled", "Disabled"])
def test_an_object_may_say_that_it_stays_as_it_is(word: str) -> None:
    resource = built(encrypted(SECRET, "yaml"), annotations={DISABLED: word})
    assert decryptor(keys=None).resource(resource) is resource


@pytest.mark.parametrize(
    "raw",
    [
        {"kind": "Secret", "data": {"a": "not base64", "b": 5, "c": "YQ=="}},
        {"kind": "Secret", "data": [], "metadata": "x"},
        {"kind": "ConfigMap", "data": {"a": b64encode(b"sops_mac=ENC[").decode()}},
        {"kind": "Secret", "sops": {}},
        {"kind": "X", "sops": {"mac": ""}, "metadata": {"annotations": []}},
    ],
)
def test_what_is_not_encrypted_is_given_back_as_it_is(raw: Mapping[str, Any]) -> None:
    assert decryptor(keys=None).resource(raw) is raw


def test_a_refusal_names_the_object_the_keys_that_were_tried_and_the_cure() -> None:
    keys = SecretData("Secret/flux-system/sops-keys", {"team.agekey": str(OTHER).encode()})
    with pytest.raises(SopsError) as caught:
        decryptor(keys=keys).resource(built(encrypted(SECRET, "yaml")))
    said = caught.value.message
    assert said.startswith("Secret/shop/db: cannot get the data key")
    assert str(IDENTITY.to_public()) in said
    assert "team.agekey (1)" in said
    assert str(OTHER) not in said + str(caught.value.hint)
    assert caught.value.hint == "what opens keys of kind age is read from an item NAME.agekey of the decryption Secret"


def test_no_error_carries_what_an_item_holds() -> None:
    damaged = encrypted(b"PASSWORD=hunter2\n", "dotenv").replace(b"PASSWORD=", b"OTHER=")
    raw = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"app.env": b64encode(damaged).decode()}}
    with pytest.raises(SopsError) as caught:
        decryptor().resource(raw)
    assert caught.value.message.startswith('Secret/s: data["app.env"]: ["OTHER"]: ')
    assert "ENC[" not in caught.value.message


def test_a_check_leaves_what_does_not_open_to_whoever_needs_it() -> None:
    assert not decryptor(keys=None).check(encrypted(SECRET, "yaml"), "db.yaml")
    assert decryptor(keys=None).check(SECRET, "db.yaml")


@pytest.mark.parametrize(
    ("bounds", "what"),
    [
        (Bounds(file_bytes=100), "bytes are more than the 100"),
        (Bounds(files=0), "more than 0 encrypted texts"),
        (Bounds(seconds=1.0), "longer than 1 s"),
    ],
)
def test_a_run_is_bounded(bounds: Bounds, what: str) -> None:
    clock = iter([0.0, 5.0])
    run = Decryptor(ClusterKeys(KEYS), bounds=bounds, clock=lambda: next(clock))
    with pytest.raises(SopsError, match=what):
        run.file(encrypted(b"A=b\n", "dotenv"), "a.env", "dotenv")


def test_an_object_nested_too_deep_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    resource = built(encrypted(SECRET, "yaml")) | {"spec": deep}
    with pytest.raises(SopsError, match=r"^Secret/shop/db: not an object of JSON, or nested too deep"):
        decryptor().resource(resource)


class Counting:
    """An age service that counts, and lets go of threads only when all have come."""

    def __init__(self, service: KeyService) -> None:
        self.service = service
        self.count = 0

    def wrap(self, key: MasterKey, data: bytes) -> str:
        return self.service.wrap(key, data)

    def unwrap(self, key: MasterKey) -> bytes:
        self.count += 1
        return self.service.unwrap(key)


@pytest.fixture
def counting() -> Counting:
    return Counting(AgeService(Given({"x": str(IDENTITY).encode()})))


def _at_once(work: Callable[[], object], count: int = 8) -> None:
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait(10)
        work()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_one_data_key_is_unwrapped_once_for_all_files_and_threads(counting: Counting) -> None:
    data = encrypted(b"A=b\n", "dotenv")
    results: list[bytes] = []
    with Decryptor({"age": counting}) as run:
        _at_once(lambda: results.append(run.file(data, "a.env", "dotenv")))
        assert results == [b"A=b\n"] * 8
        assert counting.count == 1
        run.file(encrypted(b"A=b\n", "dotenv"), "b.env", "dotenv")
        assert counting.count == 2
        slots = list((run._keys._slots or {}).values())
    assert [slot.key for slot in slots] == [bytearray(32)] * 2
    with pytest.raises(SopsError, match=r"^a\.env: this run is over"):
        run.file(data, "a.env", "dotenv")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "ENC[", "hunter2", "\ud800", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sops", "mac", "age", "data", "kind", "enc", "key_groups"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


ENCRYPTED = encrypted(SECRET, "yaml")


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["sops", "kind", "data", "metadata", "a"]), JSON), st.booleans())
def test_hostile_objects_are_refused_or_left(raw: dict[str, Any], has_metadata: bool) -> None:
    if has_metadata:
        good = built(ENCRYPTED)
        raw = {**good, **raw, "sops": {**good["sops"], **(raw["sops"] if isinstance(raw.get("sops"), dict) else {})}}
    said = ""
    try:
        decryptor().resource(raw)
    except SopsError as error:
        # What an object is called is no secret, and may be any text here.
        said = f"{error.message} {error.hint}".removeprefix(called(raw))
    assert "hunter2" not in said
