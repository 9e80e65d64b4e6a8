"""The pre-commit hook under the real git: what must not be committed is refused by name, what may passes."""

import json
import time
from base64 import b64encode
from pathlib import Path

import pytest

from tests.kit.gitclone import Clone

pytestmark = pytest.mark.interop

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {word: canary}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n"
SEALED = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\nspec:\n"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path)
    made.kseal("git", "install", "--hooks")
    return made


def refusal(clone: Clone) -> str:
    """What is said when a commit is refused; no value is in it, and none was committed."""
    said = clone.commit(code=1)
    assert "canary" not in said
    assert clone.git("log", "--oneline", code=None).count("\n") <= 1
    return said


TYPED = "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: db, namespace: shop}\n  data: {word: Y2FuYXJ5}\n"
AS_JSON = {
    "kind": "Secret",
    "apiVersion": "v1",
    "metadata": {"name": "db", "namespace": "shop"},
    "data": {"word": b64encode(b"canary").decode()},
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one.yaml", SECRET),
        ("two.yml", f"{DEPLOYMENT}---\n{SECRET}"),
        ("list.yaml", "apiVersion: v1\nkind: List\nitems:\n- " + SECRET.strip().replace("\n", "\n  ") + "\n"),
        ("typed.yaml", TYPED),
        ("one.json", json.dumps(AS_JSON)),
    ],
)
def test_plain_secrets_are_refused(clone: Clone, name: str, text: str) -> None:
    clone.write(name, text)
    said = refusal(clone)
    assert f"kseal: error: {name}: Secret/shop/db: plain values: " in said
    assert f"kseal sops encrypt -i {name}" in said


def test_the_index_counts_and_not_the_work_tree(clone: Clone) -> None:
    clone.write("a.yaml", SECRET)
    clone.git("add", "a.yaml")
    clone.write("a.yaml", DEPLOYMENT)
    assert "plain values" in clone.git("commit", "--message", "staged before", code=1)
    clone.git("add", "a.yaml")
    clone.write("a.yaml", SECRET)
    clone.git("commit", "--quiet", "--message", "only the work tree has it")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.yaml", DEPLOYMENT),
        ("empty.yaml", SECRET.replace("{word: canary}", "{word: ''}")),
        ("chart.yaml", "kind: Secret\ndata:\n  word: {{ .Values.word | b64enc }}\n"),
        ("reference.yaml", "kind: ExternalSecret\napiVersion: external-secrets.io/v1\ndata: []\n"),
        ("note.md", f"```yaml\n{SECRET}```\n"),
        ("broken.yaml", "a: [\n"),
        ("binary.json", "\x00\x01"),
    ],
)
def test_other_files_pass(clone: Clone, name: str, text: str) -> None:
    clone.write(name, text)
    clone.commit()


def test_encrypted_and_sealed_secrets_pass(clone: Clone) -> None:
    clone.encrypted("e.yaml", SECRET, "--encrypted-regex", "^(data|stringData)$")
    clone.encrypted("app.env", "word=canary\n")
    wrapped = b64encode(clone.read("app.env").encode()).decode()
    clone.write("flux.yaml", SECRET.replace("stringData: {word: canary}", f"data: {{app.env: {wrapped}}}"))
    ciphertext = b64encode((256).to_bytes(2, "big") + bytes(256 + 20)).decode()
    clone.write("sealed.yaml", SEALED + f"  encryptedData: {{word: {ciphertext}}}\n")
    clone.commit()


def test_a_plain_value_in_an_encrypted_file_is_refused(clone: Clone) -> None:
    clone.encrypted("e.yaml", "a: canary\nb: {c: canary}\n")
    clone.write("e.yaml", clone.read("e.yaml").replace("b:\n", "b:\n    new: canary-2\n"))
    assert 'e.yaml: ["b"]["new"]: plain, though its own rule encrypts it' in refusal(clone)


def test_an_encrypted_secret_whose_rule_leaves_its_values_plain_is_refused(clone: Clone) -> None:
    clone.encrypted("e.yaml", SECRET, "--encrypted-regex", "^name$")
    assert "Secret/" in refusal(clone)


def test_an_encrypted_file_with_conflict_markers_is_refused(clone: Clone) -> None:
    clone.encrypted("e.yaml", "a: canary\n")
    clone.write("e.yaml", "<<<<<<< HEAD\n" + clone.read("e.yaml"))
    assert "e.yaml: an encrypted file that cannot be read" in refusal(clone)


@pytest.mark.parametrize(
    "rule", [{"path_regex": "secrets/.*"}, {"path_regex": r"\.yaml$", "encrypted_regex": "^(word|other)$"}]
)
def test_a_file_that_a_rule_names_must_be_encrypted(clone: Clone, rule: dict[str, str]) -> None:
    clone.write("apps/.sops.yaml", json.dumps({"creation_rules": [{**rule, "age": clone.recipient}]}))
    clone.write("apps/secrets/x.yaml", "word: canary\n")
    clone.write("secrets/elsewhere.yaml", "word: canary\n")
    said = refusal(clone)
    assert 'apps/secrets/x.yaml: ["word"]: not encrypted, though a rule in .sops.yaml says so' in said
    assert "elsewhere" not in said


def test_a_rule_for_all_files_says_how_and_not_which(clone: Clone) -> None:
    clone.write(".sops.yaml", json.dumps({"creation_rules": [{"path_regex": ".*", "age": clone.recipient}]}))
    clone.write("README.md", "text\n")
    clone.write("d.yaml", DEPLOYMENT)
    clone.commit()


def test_objects_beside_secrets_pass_a_rule_for_manifests(clone: Clone) -> None:
    rule = {"path_regex": r"\.yaml$", "encrypted_regex": "^(data|stringData)$", "age": clone.recipient}
    clone.write(".sops.yaml", json.dumps({"creation_rules": [rule]}))
    clone.write("c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n")
    clone.write("kustomization.yaml", "resources: [c.yaml]\n")
    clone.commit()


def test_a_file_encrypted_by_another_rule_than_its_own_is_refused(clone: Clone) -> None:
    rule = {"path_regex": "^s/", "encrypted_regex": "^(word|more)$", "age": clone.recipient}
    clone.write(".sops.yaml", json.dumps({"creation_rules": [rule]}))
    clone.encrypted("s/x.yaml", "word: canary\nmore: canary\n", "--encrypted-regex", "^word$")
    assert 's/x.yaml: ["more"]: plain, though the rule in .sops.yaml encrypts it' in refusal(clone)


@pytest.mark.parametrize("item", ["{word: canary}", "{word: Y2FuYXJ5}", "{word: 1}", "[]"])
def test_broken_sealed_secrets_are_refused(clone: Clone, item: str) -> None:
    clone.write("s.yaml", SEALED + f"  encryptedData: {item}\n")
    assert "s.yaml: SealedSecret/shop/db: " in refusal(clone)


def test_excluded_files_and_commits_that_insist_pass(clone: Clone) -> None:
    clone.write("docs/example.yaml", SECRET)
    clone.git("add", "--all")
    clone.git("config", "--add", "kseal.exclude", "docs/**")
    clone.git("commit", "--quiet", "--message", "excluded")
    clone.git("config", "--unset", "kseal.exclude")
    clone.write("docs/example.yaml", SECRET + "# more\n")
    clone.git("commit", "--all", "--quiet", "--no-verify", "--message", "insisting")


def test_an_amended_commit_and_a_rename_are_looked_at(clone: Clone) -> None:
    clone.write("d.yaml", DEPLOYMENT)
    clone.commit()
    clone.git("mv", "d.yaml", "e.yaml")
    clone.write("e.yaml", SECRET)
    assert "e.yaml: Secret/shop/db" in clone.git("commit", "--all", "--amend", "--no-edit", code=1)


def test_links_and_removed_files_are_passed_by(clone: Clone) -> None:
    (clone.folder / "link.yaml").symlink_to("nowhere")
    clone.write("d.yaml", DEPLOYMENT)
    clone.commit()
    (clone.folder / "d.yaml").unlink()
    clone.commit()


def test_a_thousand_files_take_two_seconds_at_most(clone: Clone) -> None:
    for number in range(1000):
        clone.write(f"apps/{number}.yaml", DEPLOYMENT.replace("web", f"web-{number}"))
    clone.git("add", "--all")
    started = time.monotonic()
    clone.kseal("git", "pre-commit")
    assert time.monotonic() - started < 2


def test_a_broken_configuration_is_said_once(clone: Clone) -> None:
    clone.write(".sops.yaml", "creation_rules: [{path_regex: '(?=x)'}]\n")
    for name in "abc":
        clone.write(f"{name}.yaml", DEPLOYMENT)
    assert refusal(clone).count("path_regex: can not compile regexp") == 1
