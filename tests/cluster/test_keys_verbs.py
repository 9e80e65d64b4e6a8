"""`kseal keys` against a real API server: who uses which key, and nothing is retired, renewed or restored wrongly."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from controller.settings import Keys
from sealer.keys import SealingKey, generate
from sealer.keysecret import LABEL, name_after, raw_secret
from sealer.sealedsecret import seal_secret
from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest, wait_until
from tests.kit.running import KSEAL, RunningController
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster
Raw = dict[str, Any]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: use is counted over the whole cluster."""
    with ControlPlane("api") as plane:
        plane.kubectl("apply", "-k", str(ROOT / "deploy" / "crds"))
        plane.wait_established()
        yield plane


class Ground:
    """A namespace with two keys, a folder, and `kseal keys` typed there."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane, self.folder = plane, folder
        plane.kubectl("delete", "sealedsecrets", "--all", "--all-namespaces")
        self.namespace = plane.create_namespace()
        self.old, self.new = make_key(60), make_key(1)
        for key, name in ((self.old, "key-old"), (self.new, "key-new")):
            self.apply(raw_secret(key, name, self.namespace))
        (folder / "repo").mkdir()

    def apply(self, *objects: Raw) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(listed))

    def sealed(self, key: SealingKey, name: str = "db") -> Raw:
        raw = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace},
            "stringData": {"password": "x"},
        }
        return seal_secret(raw, key.private_key.public_key())

    def write(self, *objects: Raw) -> None:
        (self.folder / "repo" / "sealed.yaml").write_text(yaml.safe_dump_all(objects))

    def keys(self, *words: str, given: str = "", namespace: str = "") -> subprocess.CompletedProcess[str]:
        command = [KSEAL, "keys", *words, f"--controller-namespace={namespace or self.namespace}"]
        environ = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig)}
        return subprocess.run(
            command, env=environ, cwd=self.folder, input=given, capture_output=True, text=True, check=False
        )

    def list(self, *words: str) -> dict[str, Raw]:
        done = self.keys("list", "-o", "json", *words)
        assert done.returncode == 0, done.stderr
        return {row["fingerprint"]: row for row in json.loads(done.stdout)["keys"]}

    def label(self, name: str) -> str:
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}"
        return str(self.plane.api.json("GET", path)["metadata"]["labels"][LABEL])

    def secrets(self, namespace: str = "") -> dict[str, Raw]:
        found = self.plane.api.json("GET", f"/api/v1/namespaces/{namespace or self.namespace}/secrets")["items"]
        return {one["metadata"]["name"]: one["data"] for one in found}


def make_key(age_days: int) -> SealingKey:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=age_days)
    return generate(2048, ttl=timedelta(days=365), common_name="", now=begun)


@pytest.fixture
def ground(plane: ControlPlane, tmp_path: Path) -> Ground:
    return Ground(plane, tmp_path)


def test_the_list_says_who_uses_which_key(ground: Ground) -> None:
    ground.apply(ground.sealed(ground.old, "a"), ground.sealed(ground.new, "b"), ground.sealed(ground.old, "c"))
    ground.write(ground.sealed(ground.old, "a"), {"kind": "Other"})
    broken = {**raw_secret(make_key(5), "key-broken", ground.namespace), "type": "Opaque", "data": {"tls.key": "AAAA"}}
    ground.apply(broken)
    rows = ground.list("--repo=repo")
    assert [(row["secret"], row["state"], row["live"], row["files"]) for row in rows.values()] == [
        ("key-new", "sealing", 1, 0),
        ("key-old", "active", 2, 1),
    ]
    table = ground.keys("list")
    assert table.stdout.split()[:6] == ["FINGERPRINT", "SECRET", "STATE", "SINCE", "LIVE", "FILES"]
    assert "key-broken: no usable key" in table.stderr


def test_what_cannot_be_read_counts_as_a_use_of_every_key(ground: Ground) -> None:
    ground.apply(ground.sealed(make_key(5), "foreign"))
    (ground.folder / "repo" / "chart.yaml").write_text("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n{{ }}\n")
    rows = ground.list("--repo=repo")
    assert [(row["live"], row["files"]) for row in rows.values()] == [(1, 1), (1, 1)]
    refused = ground.keys("retire", ground.old.fingerprint, "--repo=repo")
    assert refused.returncode == 1
    assert f"SealedSecret/{ground.namespace}/foreign: cannot be read" in refused.stderr
    assert "chart.yaml: cannot be read" in refused.stderr
    assert ground.label("key-old") == "active"


@pytest.mark.parametrize("used_by", ["live", "file", "unknown repository"])
def test_a_key_in_use_is_not_retired_unless_somebody_insists(ground: Ground, used_by: str) -> None:
    if used_by == "live":
        ground.apply(ground.sealed(ground.old, "a"))
    if used_by == "file":
        ground.write(ground.sealed(ground.new, "a"), ground.sealed(ground.old, "b"))
    words = ["retire", ground.old.fingerprint, *([] if used_by == "unknown repository" else ["--repo=repo"])]
    refused = ground.keys(*words)
    expected = {
        "live": f"error: SealedSecret/{ground.namespace}/a: is sealed for it",
        "file": "error: repo/sealed.yaml:14: is sealed for it",
        "unknown repository": "error: no --repo is named",
    }[used_by]
    assert (refused.returncode, ground.label("key-old")) == (1, "active")
    assert expected in refused.stderr
    forced = ground.keys(*words, "--force")
    assert (forced.returncode, ground.label("key-old")) == (0, "retired")
    assert expected.replace("error:", "warning:") in forced.stderr


def test_an_unused_key_is_relabelled_and_nothing_is_deleted(ground: Ground) -> None:
    ground.apply(ground.sealed(ground.new, "a"))
    ground.write(ground.sealed(ground.new, "a"))
    before = ground.secrets()
    for _ in range(2):
        done = ground.keys("retire", ground.old.fingerprint, "--repo=repo")
        assert done.returncode == 0, done.stderr
    assert ground.label("key-old") == "retired"
    assert ground.secrets() == before
    assert ground.list()[ground.old.fingerprint]["state"] == "retired"


def test_the_key_that_seals_is_never_retired(ground: Ground) -> None:
    done = ground.keys("retire", ground.new.fingerprint, "--repo=repo", "--force")
    assert done.returncode == 1
    assert "is the key that seals" in done.stderr
    assert ground.label("key-new") == "active"
    assert ground.keys("retire", "SHA256:none", "--repo=repo").returncode == 1


def test_renewing_makes_one_successor_under_the_name_that_a_controller_would_choose(ground: Ground) -> None:
    done = ground.keys("renew")
    assert done.returncode == 0, done.stderr
    name = name_after(ground.new.fingerprint, ground.namespace, "sealed-secrets-key", 0)
    rows = ground.list()
    assert rows[done.stdout.strip()]["state"] == "sealing"
    assert rows[done.stdout.strip()]["secret"] == name
    assert [row["state"] for row in rows.values()] == ["sealing", "active", "active"]


def test_renewing_is_refused_where_the_keys_are_lost(ground: Ground) -> None:
    ground.apply(ground.sealed(ground.old, "a"))
    empty = ground.plane.create_namespace()
    done = ground.keys("renew", namespace=empty)
    assert done.returncode == 1
    assert "a new key would open none of them" in done.stderr
    assert ground.secrets(empty) == {}


@pytest.mark.parametrize("common_name", ["", "shop"])
def test_a_successor_is_shaped_as_its_predecessor(ground: Ground, common_name: str) -> None:
    """Though that was made in this very second."""
    home = ground.plane.create_namespace()
    now = datetime.now(UTC).replace(microsecond=0)
    before = generate(2048, ttl=timedelta(days=7), common_name=common_name, now=now)
    ground.plane.api.text("POST", f"/api/v1/namespaces/{home}/secrets", raw_secret(before, "first", home, prefix="of-"))
    done = ground.keys("renew", namespace=home)
    assert done.returncode == 0, done.stderr
    (made,) = [items for name, items in ground.secrets(home).items() if name.startswith("of-")]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(made["tls.crt"]))
    assert [one.value for one in certificate.subject] == ([common_name] if common_name else [])
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=7)
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 2048
    listed = ground.keys("list", "-o", "json", namespace=home)
    assert {row["fingerprint"]: row["state"] for row in json.loads(listed.stdout)["keys"]} == {
        before.fingerprint: "active",
        done.stdout.strip(): "sealing",
    }


def test_the_first_key_is_what_a_controller_would_make(ground: Ground) -> None:
    home = ground.plane.create_namespace()
    assert ground.keys("renew", namespace=home).returncode == 0
    (made,) = ground.secrets(home).values()
    certificate = x509.load_pem_x509_certificate(base64.b64decode(made["tls.crt"]))
    assert list(certificate.subject) == []
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == Keys().ttl
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == Keys().size


def test_where_every_certificate_is_of_the_future_a_key_is_made_though_sealed_secrets_exist(ground: Ground) -> None:
    """It is not lost: what was sealed for it opens."""
    ground.apply(ground.sealed(ground.old, "a"))
    home = ground.plane.create_namespace()
    future = make_key(-2)
    ground.plane.api.text("POST", f"/api/v1/namespaces/{home}/secrets", raw_secret(future, "future", home))
    done = ground.keys("renew", namespace=home)
    assert done.returncode == 0, done.stderr
    assert len(ground.secrets(home)) == 2


@pytest.fixture(params=["recipient", "passphrase", "plaintext"])
def ways(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], list[str], str]:
    """Flags of backup, flags of restore, and what is typed."""
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"# made for a test\n{identity}\n")
    return {
        "recipient": ([f"--recipient={identity.to_public()}"], ["--identity=identity.txt"], ""),
        "passphrase": (["--passphrase"], [], "correct horse battery staple\n"),
        "plaintext": (["--plaintext"], [], ""),
    }[str(request.param)]


@pytest.fixture(scope="module")
def new_cluster() -> Iterator[ControlPlane]:
    """Without anything but the definition."""
    with ControlPlane("api") as plane:
        plane.kubectl("apply", "-k", str(ROOT / "deploy" / "crds"))
        plane.wait_established()
        yield plane


def test_a_lost_cluster_is_recovered_from_the_backup(
    ground: Ground, new_cluster: ControlPlane, ways: tuple[list[str], list[str], str]
) -> None:
    protect, open_, typed = ways
    sealed = [ground.sealed(ground.old, "a"), ground.sealed(ground.new, "b")]
    saved = ground.keys("backup", "-w", "keys.backup", *protect, given=typed)
    assert saved.returncode == 0, saved.stderr
    backup = ground.folder / "keys.backup"
    assert backup.stat().st_mode & 0o777 == 0o600
    assert (b"tls.key" in backup.read_bytes()) is ("--plaintext" in protect)
    home = new_cluster.create_namespace()
    new_cluster.kubectl("create", "namespace", ground.namespace)
    ground.plane = new_cluster
    ground.apply(*sealed)
    restored = ground.keys("restore", "keys.backup", *open_, given=typed, namespace=home)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.count("created") == 2
    again = ground.keys("restore", "keys.backup", *open_, given=typed, namespace=home)
    assert (again.returncode, again.stdout.count("unchanged")) == (0, 2)
    with Nest("recovery") as nest:
        RunningController(nest, new_cluster.kubeconfig, namespace=home).start()
        wait_until(lambda: {"a", "b"} <= ground.secrets().keys(), "everything is unsealed")
    assert [base64.b64decode(ground.secrets()[name]["password"]) for name in ("a", "b")] == [b"x", b"x"]


def test_a_backup_for_somebody_else_and_another_key_of_the_same_name_are_refused(ground: Ground) -> None:
    pyrage = pytest.importorskip("pyrage")
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    (ground.folder / "other.txt").write_text(f"{other}\n")
    (ground.folder / "mine.txt").write_text(f"{mine}\n")
    assert ground.keys("backup", "-w", "b.age", f"--recipient={mine.to_public()}").returncode == 0
    refused = ground.keys("restore", "b.age", "--identity=other.txt")
    assert (refused.returncode, "none of 1 identities" in refused.stderr) == (1, True)
    assert ground.keys("restore", "b.age").returncode == 2
    elsewhere = ground.plane.create_namespace()
    ground.apply(raw_secret(make_key(3), "key-new", elsewhere))
    conflict = ground.keys("restore", "b.age", "--identity=mine.txt", namespace=elsewhere)
    assert (conflict.returncode, "holds another key" in conflict.stderr) == (1, True)
    assert ground.secrets(elsewhere).keys() == {"key-new"}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["backup"], "how the backup is protected has to be said once"),
        (["backup", "--plaintext", "--passphrase"], "how the backup is protected has to be said once"),
        (["backup", "--passphrase"], "fewer than 12 characters"),
        (["backup", "--plaintext", "-w", "tree/keys.yaml"], "inside the Git work tree"),
        (["list", "--plaintext"], "keys list has no option --plaintext"),
        (["retire"], "keys retire takes one fingerprint"),
        (["lisst"], 'there is no action "lisst"'),
        ([], "no action is named"),
    ],
)
def test_calls_that_mean_nothing_are_refused(ground: Ground, words: list[str], what: str) -> None:
    (ground.folder / "tree" / ".git").mkdir(parents=True)
    done = ground.keys(*words, given="short\n")
    assert (done.returncode, what in done.stderr) == (2, True), done.stderr


def test_keys_in_a_repository_elsewhere_are_counted(ground: Ground, make_server: Callable[[], Any]) -> None:
    server = make_server()
    url = server.repository("clusters")
    ground.write(ground.sealed(ground.old, "a"))
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["commit", "--quiet", "-m", "x"],
        ["push", "--quiet", str(server.folder / "clusters.git"), "main"],
    ):
        subprocess.run([*git, *words], cwd=ground.folder / "repo", check=True)
    assert ground.list(f"--repo={url}")[ground.old.fingerprint]["files"] == 1
    refused = ground.keys("retire", ground.old.fingerprint, f"--repo={url}")
    assert f"{url}: sealed.yaml:1: is sealed for it" in refused.stderr


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    from tests.kit.gitserver import GitServer

    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served") as server:
        yield lambda: server
