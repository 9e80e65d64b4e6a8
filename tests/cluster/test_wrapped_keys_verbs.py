"""`kseal keys wrap` and `unwrap` against a real API server, and what the other verbs make of wrapped keys."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import undumpable
from engine.kube.errors import Conflict
from sealer.cli import keyswrap
from sealer.cli.keystore import Keystore, open_store
from sealer.cli.terminal import Terminal
from sealer.cli.verb import Given
from sealer.sealedsecret import seal_secret
from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest, wait_until
from tests.kit.running import KSEAL, OriginalController
from tests.kit.sealingkeys import LABEL, a_key, certificate, key_secret
from tests.kit.wrappedkeys import RECIPIENT, shows_private_key, wrapped_secret, write_identity

pytestmark = pytest.mark.cluster

Raw = dict[str, Any]
OTHER = "age1rxcqxjqjn75kvt2crujxdq9tlwssfsnmvfutk2twyzhedqpnss3q6wvre7"
WITH = f"--with=age:{RECIPIENT}"
OPEN = "--identity=identity.txt"


class Ground:
    """A namespace with a newer and an older key, a folder with an identity, and `kseal keys` typed there."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane, self.folder = plane, folder
        self.namespace = plane.create_namespace()
        self.identity = write_identity(folder / "identity.txt")
        self.old, self.new = a_key(timedelta(days=1)), a_key(timedelta(hours=1))
        self.apply(key_secret("key-old", self.old, "retired"), key_secret("key-new", self.new))

    def apply(self, *objects: Raw) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(listed), namespace=self.namespace)

    def keys(self, *words: str, namespace: str = "") -> subprocess.CompletedProcess[str]:
        command = [KSEAL, "keys", *words, f"--controller-namespace={namespace or self.namespace}"]
        environ = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig)}
        return subprocess.run(
            command, env=environ, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )

    def done(self, *words: str, namespace: str = "") -> str:
        done = self.keys(*words, namespace=namespace)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str, code: int = 1) -> str:
        done = self.keys(*words)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        return done.stderr

    def secrets(self, namespace: str = "") -> dict[str, Raw]:
        """As the API has them."""
        path = f"/api/v1/namespaces/{namespace or self.namespace}/secrets"
        return {one["metadata"]["name"]: one for one in self.plane.api.json("GET", path)["items"]}

    def label(self, name: str) -> str:
        return str(self.secrets()[name]["metadata"]["labels"][LABEL])


@pytest.fixture
def ground(served: ControlPlane, tmp_path: Path) -> Ground:
    return Ground(served, tmp_path)


def test_keys_are_wrapped_where_they_are_and_become_plain_again(ground: Ground) -> None:
    before = ground.secrets()
    assert all(map(shows_private_key, before.values()))
    assert ground.done("wrap", "--all", WITH, OPEN).count(" wrapped") == 2
    wrapped = ground.secrets()
    assert not any(map(shows_private_key, wrapped.values())), "kubectl's copy in an annotation is gone, too"
    assert (ground.label("key-new"), ground.label("key-old")) == ("wrapped", "retired")
    assert [one["metadata"]["uid"] for one in wrapped.values()] == [one["metadata"]["uid"] for one in before.values()]
    assert ground.done("wrap", "--all", WITH, OPEN).count("unchanged") == 2
    assert ground.secrets() == wrapped
    assert ground.done("unwrap", "--all", "--plaintext", OPEN).count("unwrapped") == 2
    assert {name: one["data"] for name, one in ground.secrets().items()} == {
        name: one["data"] for name, one in before.items()
    }
    assert (ground.label("key-new"), ground.label("key-old")) == ("active", "retired")


def test_one_key_is_wrapped_by_its_fingerprint_and_a_dry_run_writes_nothing(ground: Ground) -> None:
    before = ground.secrets()
    dry = ground.keys("wrap", ground.new.fingerprint, WITH, OPEN, "--dry-run", "-o", "json")
    row = {"secret": "key-new", "fingerprint": ground.new.fingerprint, "result": "would be wrapped"}
    assert (dry.returncode, json.loads(dry.stdout)) == (3, [row])
    assert ground.secrets() == before
    ground.done("wrap", ground.new.fingerprint, WITH, OPEN)
    assert ground.secrets()["key-old"] == before["key-old"]
    assert not shows_private_key(ground.secrets()["key-new"])


def test_the_wrapping_key_can_be_changed(ground: Ground) -> None:
    ground.done("wrap", "--all", WITH, OPEN)
    assert ground.done("wrap", "--all", WITH, f"--with=age:{OTHER}", OPEN).count(" wrapped") == 2
    (row, *_) = json.loads(ground.done("list", "-o", "json", OPEN))["keys"]
    assert row["wrapped"] == [f"age:{RECIPIENT}", f"age:{OTHER}"]


def test_a_wrapped_key_that_was_labelled_active_gets_its_label_back(ground: Ground) -> None:
    ground.done("wrap", "--all", WITH, OPEN)
    ground.plane.kubectl("label", "secret", "key-new", f"{LABEL}=active", "--overwrite", namespace=ground.namespace)
    assert ground.done("wrap", "--all", WITH, OPEN).count("unchanged") == 1
    assert ground.label("key-new") == "wrapped"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["wrap", WITH, OPEN], "takes fingerprints, or --all"),
        (["wrap", "x", "--all", WITH, OPEN], "takes fingerprints, or --all"),
        (["wrap", "--all"], "what to wrap with is not named"),
        (["unwrap", "--all", OPEN], "which has to be said"),
        (["wrap", "--all", WITH, "--plaintext"], "keys wrap has no option --plaintext"),
    ],
)
def test_calls_that_mean_nothing_are_refused(ground: Ground, words: list[str], what: str) -> None:
    assert what in ground.refused(*words, code=2)


def test_nothing_is_wrapped_that_could_not_be_opened_again(ground: Ground) -> None:
    before = ground.secrets()
    assert "no age identity found" in ground.refused("wrap", "--all", WITH)
    assert "no identity fits" in ground.refused("wrap", "--all", f"--with=age:{OTHER}", OPEN)
    assert "names no wrapping key" in ground.refused("wrap", "--all", "--with=nothing", OPEN)
    assert "no key has the fingerprint x" in ground.refused("wrap", "x", WITH, OPEN)
    assert ground.secrets() == before


def test_a_key_that_the_original_reads_by_its_name_stays_plain(ground: Ground) -> None:
    ground.apply(key_secret("sealed-secrets-key", a_key(), None))
    assert "would crash on a wrapped key" in ground.refused("wrap", "--all", WITH, OPEN)
    assert all(map(shows_private_key, ground.secrets().values())), "and nothing else was written before"


def test_without_the_identity_a_wrapped_key_is_listed_and_nothing_is_done_to_it(ground: Ground) -> None:
    ground.done("wrap", ground.new.fingerprint, WITH, OPEN)
    listed = ground.keys("list", "-o", "json")
    rows = {row["fingerprint"]: row for row in json.loads(listed.stdout)["keys"]}
    assert rows[ground.new.fingerprint] == {
        "fingerprint": ground.new.fingerprint,
        "secret": "key-new",
        "state": "active",
        "since": rows[ground.new.fingerprint]["since"],
        "live": None,
        "files": None,
        "wrapped": [f"age:{RECIPIENT}"],
    }
    assert rows[ground.old.fingerprint]["wrapped"] == []
    assert "nothing here opens it" in listed.stderr
    assert "name the age identity with --identity FILE" in listed.stderr
    before = ground.secrets()
    for words in (
        ["renew"],
        ["retire", ground.old.fingerprint, "--force"],
        ["backup", "--plaintext"],
        ["unwrap", "--all", "--plaintext"],
    ):
        assert "nothing here opens it" in ground.refused(*words)
    assert ground.secrets() == before
    opened = json.loads(ground.done("list", "-o", "json", OPEN))["keys"]
    assert [row["state"] for row in opened] == ["sealing", "retired"]


def test_a_retired_key_that_is_lost_holds_up_nothing_and_one_key_opens_beside_another(ground: Ground) -> None:
    lost = wrapped_secret("key-lost", "elsewhere", a_key(), ground.identity)
    lost["metadata"]["namespace"] = ground.namespace
    other = wrapped_secret("key-shut", ground.namespace, a_key(), ground.identity)
    data = json.loads(base64.b64decode(other["data"]["tls.key"]))
    data["keys"][0]["with"] = "vault:https://vault.invalid/v1/transit/keys/gone"
    other["data"]["tls.key"] = base64.b64encode(json.dumps(data).encode()).decode()
    ground.apply(lost, other)
    ground.done("wrap", ground.new.fingerprint, WITH, OPEN)
    ground.done("unwrap", ground.new.fingerprint, "--plaintext", OPEN)
    assert "nobody named it here" in ground.refused("wrap", "--all", WITH, OPEN)
    ground.plane.kubectl("label", "secret", "key-shut", f"{LABEL}=retired", "--overwrite", namespace=ground.namespace)
    saved = ground.keys("backup", "-w", "keys.yaml", "--plaintext", OPEN)
    assert (saved.returncode, "key-shut: left out" in saved.stderr) == (0, True)
    wrapped = ground.keys("wrap", "--all", WITH, OPEN)
    assert (wrapped.returncode, wrapped.stdout.count(" wrapped")) == (0, 2)
    assert "key-shut: left as it is" in wrapped.stderr
    assert "key-lost: left as it is: its wrapped key was changed, or belongs to another Secret" in wrapped.stderr


def test_the_successor_of_a_wrapped_key_is_wrapped(ground: Ground) -> None:
    ground.done("wrap", "--all", WITH, OPEN)
    assert f"kseal keys renew --with age:{RECIPIENT}" in ground.refused("renew", OPEN)
    made = ground.done("renew", WITH, OPEN).strip()
    assert len(ground.secrets()) == 3
    assert not any(map(shows_private_key, ground.secrets().values()))
    rows = {row["fingerprint"]: row for row in json.loads(ground.done("list", "-o", "json", OPEN))["keys"]}
    assert (rows[made]["state"], rows[made]["wrapped"]) == ("sealing", [f"age:{RECIPIENT}"])


def test_a_backup_of_wrapped_keys_needs_nothing_but_itself(ground: Ground) -> None:
    plain = {name: one["data"] for name, one in ground.secrets().items()}
    ground.done("wrap", "--all", WITH, OPEN)
    ground.done("backup", "-w", "keys.yaml", "--plaintext", OPEN)
    assert ground.done("restore", "keys.yaml").count("unchanged") == 2
    home, kept = ground.plane.create_namespace(), ground.plane.create_namespace()
    assert ground.done("restore", "keys.yaml", namespace=home).count("created") == 2
    assert {name: one["data"] for name, one in ground.secrets(home).items()} == plain
    assert ground.done("restore", "keys.yaml", WITH, OPEN, namespace=kept).count("created") == 2
    assert not any(map(shows_private_key, ground.secrets(kept).values()))
    rows = json.loads(ground.done("list", "-o", "json", OPEN, namespace=kept))["keys"]
    assert {row["fingerprint"] for row in rows} == {ground.old.fingerprint, ground.new.fingerprint}


def test_a_wrapped_secret_is_no_backup(ground: Ground) -> None:
    raw = wrapped_secret("key-x", ground.namespace, a_key(), ground.identity)
    (ground.folder / "kept.json").write_text(json.dumps(raw))
    assert "apply it with kubectl" in ground.refused("restore", "kept.json", OPEN)


def test_an_edit_in_between_is_not_written_over(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that was read is the only one that is replaced."""
    stores: list[Keystore] = []

    def opened_late(given: Given, environ: Mapping[str, str]) -> Keystore:
        store = open_store(given, environ)
        stores.append(store)
        ground.plane.kubectl("annotate", "secret", "key-new", "by=somebody", namespace=ground.namespace)
        return store

    monkeypatch.setattr(undumpable, "protect", lambda: None)  # this process is everybody's
    monkeypatch.setattr(keyswrap, "open_store", opened_late)
    words = {
        "with": (f"age:{RECIPIENT}",),
        "identity": (str(ground.identity),),
        "controller-namespace": ground.namespace,
        "kubeconfig": str(ground.plane.kubeconfig),
    }
    with pytest.raises(Conflict):
        keyswrap.run("wrap", [ground.new.fingerprint], Given((), words), Terminal({}), {})
    stores[0].client.close()
    assert shows_private_key(ground.secrets()["key-new"])
    assert ground.secrets()["key-new"]["metadata"]["annotations"]["by"] == "somebody"


def test_whenever_it_is_killed_every_key_is_there_and_another_run_goes_on(ground: Ground) -> None:
    more = {f"key-{number}": a_key() for number in range(8)}
    ground.apply(*(key_secret(name, key) for name, key in more.items()))
    command = [KSEAL, "keys", "wrap", "--all", WITH, OPEN, f"--controller-namespace={ground.namespace}"]
    environ = {**os.environ, "KUBECONFIG": str(ground.plane.kubeconfig)}
    with subprocess.Popen(command, env=environ, cwd=ground.folder, stdout=subprocess.PIPE) as process:
        wait_until(lambda: any(not shows_private_key(one) for one in ground.secrets().values()), "one is wrapped")
        process.kill()
    expected = {key.fingerprint for key in (*more.values(), ground.old, ground.new)}
    for _ in range(2):
        assert {row["fingerprint"] for row in json.loads(ground.done("list", "-o", "json", OPEN))["keys"]} == expected
        ground.done("wrap", "--all", WITH, OPEN)
    assert not any(map(shows_private_key, ground.secrets().values()))


@pytest.fixture
def original(ground: Ground) -> Iterator[OriginalController]:
    with Nest("original") as nest:
        yield OriginalController(nest, ground.plane, namespace=ground.namespace, flags=["--all-namespaces=false"])


@pytest.mark.interop
def test_the_original_passes_over_wrapped_keys_and_reads_them_once_they_are_plain(
    ground: Ground, original: OriginalController
) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": ground.namespace},
        "data": {"a": base64.b64encode(b"1").decode()},
    }
    ground.done("wrap", "--all", WITH, OPEN)
    original.start()
    assert original.certificate() != certificate(ground.new), "it made a key of its own"
    assert "registered private key" not in original.logs
    assert original.stop() == 0
    ground.done("unwrap", "--all", "--plaintext", OPEN)
    ground.apply(seal_secret(secret, ground.new.private_key.public_key()))
    original.start()
    wait_until(lambda: "db" in ground.secrets(), "it unseals with the key that was wrapped")
    assert ground.secrets()["db"]["data"] == {"a": base64.b64encode(b"1").decode()}
