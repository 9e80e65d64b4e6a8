"""One file from form to form: what comes through, what stays byte for byte, and what is refused."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from engine.kube import manifest
from sealer import sealedsecret
from sealer.convert import sopsfile
from sealer.convert.file import NOTHING, Change, Powers, convert
from sealer.convert.forms import Form
from sealer.convert.sopsfile import Recipients
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.sops.operations import Keys
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.lookup import Given
from sealer.sops.selection import Selection

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = MasterKey("age", {"recipient": str(IDENTITY.to_public())})
SECRET = b"""# of the shop
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  labels: {app: "1"}
  annotations: {note: "yes", sealedsecrets.bitnami.com/namespace-wide: "true"}
  finalizers: [a.example.com/b]
type: example.com/any
immutable: true
stringData:
  password: hunter2
data:
  binary: //79AA==
  empty: ""
"""
SETTINGS = b"""---
apiVersion: v1
kind: ConfigMap   # not secret
metadata: {name:  settings}
data:
    colour:   "blue"
"""

Convert = Callable[..., Any]


@pytest.fixture
def converted(key: SealingKey) -> Convert:
    """Converts with keys that open everything; `selection` is that of a rule."""
    keys = Keys({"age": AgeService(Given({"x": str(IDENTITY).encode()}))})
    ring = KeyRing([key])

    def unseal(raw: Any) -> Any:
        return sealedsecret.unseal_secret(sealedsecret.parse(raw), ring, accept_v1_data=False).secret

    def run(data: bytes, to: Form, *, selection: Selection | None = None, name: str = "f.yaml", **flags: Any) -> Any:
        recipients = Recipients([[RECIPIENT]], selection=selection)
        powers = Powers(
            lambda: lambda raw, _: sealedsecret.seal_secret(raw, key.certificate.public_key, allow_empty=True),  # type: ignore[union-attr]  # it has one
            lambda: unseal,
            lambda: (
                lambda text: sopsfile.encrypted(
                    text, sopsfile.form_for(name, text), keys, recipients, source=name, now=NOW
                )
            ),
            lambda: (
                lambda text, keeps: sopsfile.decrypted(text, sopsfile.form_for(name, text), keys, keeps_comments=keeps)
            ),
        )
        return convert(data, name, to, powers, **flags)

    return run


def meaning(data: bytes) -> list[dict[str, Any]]:
    """The Secrets of a plain text as an API server keeps them."""
    found = []
    for one in manifest.read(data, source="x")[0]:
        raw = dict(one.raw)
        texts = {key: b64encode(text.encode()).decode() for key, text in raw.pop("stringData", {}).items()}
        raw["data"] = {**raw.get("data", {}), **texts}
        found.append(raw)
    return found


@pytest.mark.parametrize("way", [[Form.SEALED], [Form.SOPS], [Form.SEALED, Form.SOPS], [Form.SOPS, Form.SEALED]])
@pytest.mark.parametrize("name", ["f.yaml", "f.json"])
def test_a_secret_means_the_same_after_every_way(converted: Convert, way: list[Form], name: str) -> None:
    data = SECRET if name == "f.yaml" else manifest.to_json(dict(manifest.read(SECRET, source="")[0][0].raw)).encode()
    before = meaning(data)
    for form in [*way, way[0], Form.PLAIN]:
        data = converted(data, form, name=name).data or data
        assert (b"hunter2" in data) == (form is Form.PLAIN and Form.SEALED not in way)
    assert meaning(data) == before


def test_what_is_in_the_form_already_stays_as_it_is(converted: Convert) -> None:
    for form in (Form.SEALED, Form.SOPS):
        data = converted(SECRET, form).data
        assert converted(data, form) is NOTHING
    assert converted(SECRET, Form.PLAIN) is NOTHING


def test_other_documents_keep_every_byte(converted: Convert) -> None:
    sealed = converted(SECRET + SETTINGS, Form.SEALED)
    assert sealed.data.endswith(SETTINGS)
    assert sealed.data.startswith(b"# of the shop\napiVersion: bitnami.com/v1alpha1\n")
    assert converted(sealed.data, Form.PLAIN).data.endswith(SETTINGS)
    assert sealed.changes == (Change("shop/db", Form.PLAIN, Form.SEALED, ()),)


@pytest.mark.parametrize("text", [SETTINGS, b"a: 1\n", b"- Secret\n", b"", b"# sops\n", b"kind: Secret\nsops: 1\n"])
@pytest.mark.parametrize("to", list(Form))
def test_a_file_without_secrets_stays_as_it_is(converted: Convert, text: bytes, to: Form) -> None:
    assert converted(text, to) is NOTHING


def test_sops_never_takes_another_document_along_or_lets_one_out(converted: Convert) -> None:
    with pytest.raises(KsealError, match=r"^f\.yaml: document 2 \(line 18\): ConfigMap/settings: SOPS encrypts whole"):
        converted(SECRET + SETTINGS, Form.SOPS)
    keys = Keys({"age": AgeService(Given({}))})
    form = sopsfile.form_for("f.yaml", b"")
    both = sopsfile.encrypted(SECRET + SETTINGS, form, keys, Recipients([[RECIPIENT]]), source="", now=NOW)
    with pytest.raises(KsealError, match="ConfigMap/settings: would come out of the SOPS file in plain text"):
        converted(both, Form.SEALED)
    assert b"colour: blue" in converted(both, Form.PLAIN).data


def test_several_secrets_make_one_sops_file(converted: Convert) -> None:
    other = b"---\n" + SECRET.replace(b"name: db", b"name: mail")
    done = converted(SECRET + other, Form.SOPS)
    assert [change.object for change in done.changes] == ["shop/db", "shop/mail"]
    assert meaning(converted(converted(done.data, Form.SEALED).data, Form.PLAIN).data) == meaning(SECRET + other)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (Selection(encrypted_regex="^data$"), 'f.yaml: the rule leaves stringData["password"] in plain text'),
        (Selection(encrypted_suffix="_secret"), "f.yaml: the rule leaves data"),
        (Selection(unencrypted_suffix="_plain"), "f.yaml: the rule encrypts the kind of a Secret"),
    ],
)
def test_a_rule_that_does_not_fit_secrets_is_refused(converted: Convert, rule: Selection, what: str) -> None:
    with pytest.raises(KsealError) as caught:
        converted(SECRET, Form.SOPS, selection=rule)
    assert caught.value.message.startswith(what)
    assert "hunter2" not in caught.value.message


def test_a_rule_may_say_what_stays_plain(converted: Convert) -> None:
    rule = Selection(unencrypted_regex="^(apiVersion|kind|metadata|type|immutable)$", mac_only_encrypted=True)
    data = converted(SECRET, Form.SOPS, selection=rule).data
    assert b"mac_only_encrypted: true" in data
    assert b"hunter2" not in data


def test_the_copy_that_kubectl_keeps_never_comes_along(converted: Convert) -> None:
    copied = SECRET.replace(
        b"annotations: {", b'annotations: {kubectl.kubernetes.io/last-applied-configuration: "hunter2", '
    )
    for form in (Form.SOPS, Form.SEALED):
        done = converted(copied, form)
        assert b"hunter2" not in done.data
        assert done.changes[0].left_out == ('annotation "kubectl.kubernetes.io/last-applied-configuration"',)
    assert b'note: "yes"' in converted(copied, Form.SOPS).data


def test_comments_are_kept_or_reported(converted: Convert) -> None:
    commented = SECRET.replace(b"  password:", b"  # the first\n  password:") + b"# the end\n"
    sops = converted(commented, Form.SOPS)
    assert sops.changes[0].left_out == ()
    assert converted(sops.data, Form.PLAIN).data.count(b"# ") == 3
    for data in (commented, sops.data):
        assert converted(data, Form.SEALED).changes[0].left_out == ("comments",)
    sealed = converted(SECRET.replace(b"hunter2", b'"#"') + b"# the end\n", Form.SEALED)
    assert sealed.changes[0].left_out == ()
    assert sealed.data.startswith(b"# of the shop\n")
    assert sealed.data.endswith(b"# the end\n")
    inside = sealed.data.replace(b"  encryptedData:", b"  # inside\n  encryptedData:")
    assert converted(inside, Form.SOPS).changes[0].left_out == ("comments",)


def test_comments_that_were_encrypted_never_come_out_beside_sealed_values(converted: Convert) -> None:
    """The last of them stands behind the last value, where what is exchanged ends."""
    text = SECRET.replace(b"stringData:\n", b"stringData:\n  # was hunter0\n") + b"  # was hunter1\n"
    sops = converted(text, Form.SOPS).data
    assert b"# was hunter" not in sops
    done = converted(sops, Form.SEALED)
    assert b"hunter" not in done.data
    assert done.changes[0].left_out == ("comments",)
    assert converted(sops, Form.PLAIN).data.count(b"# was hunter") == 2


def test_what_was_secret_besides_the_values_is_not_shown_unless_somebody_insists(converted: Convert) -> None:
    rule = Selection(unencrypted_regex="^(apiVersion|kind|name|namespace|type|immutable|finalizers)$")
    sops = converted(SECRET, Form.SOPS, selection=rule).data
    with pytest.raises(KsealError) as caught:
        converted(sops, Form.SEALED)
    assert caught.value.message == (
        "f.yaml: has no place in the other form: secrecy of metadata.labels.app, secrecy of metadata.annotations.note, "
        "secrecy of metadata.annotations.sealedsecrets.bitnami.com/namespace-wide"
    )
    assert "secrecy of metadata.labels.app" in converted(sops, Form.SEALED, may_lose=True).changes[0].left_out
    assert b"app: " in converted(sops, Form.PLAIN).data


def sealed_object(converted: Convert, **parts: Any) -> bytes:
    """A SealedSecret with additions: `metadata`, `spec`, `template` and `inner`, that of the template's metadata."""
    (one,), _ = manifest.read(converted(SECRET, Form.SEALED).data, source="x")
    raw: Any = one.raw
    raw["metadata"].update(parts.get("metadata", {}))
    raw["spec"].update(parts.get("spec", {}))
    raw["spec"]["template"].update(parts.get("template", {}))
    raw["spec"]["template"]["metadata"].update(parts.get("inner", {}))
    return manifest.to_yaml(raw | parts.get("top", {})).encode()


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"metadata": {"labels": {"app": "2"}}}, 'label "app"'),
        ({"metadata": {"finalizers": ["a.example.com/b"]}}, "metadata.finalizers"),
        ({"metadata": {"ownerReferences": [{}]}}, "metadata.ownerReferences"),
        ({"spec": {"other": 1}}, "spec.other"),
        ({"template": {"other": 1}}, "spec.template.other"),
        ({"inner": {"generateName": "x"}}, "spec.template.metadata.generateName"),
        ({"top": {"other": 1}}, "other"),
        ({"inner": {"annotations": {}}}, "scope namespace-wide"),
    ],
)
def test_what_has_no_place_is_refused_or_left_out_and_named(
    converted: Convert, parts: dict[str, Any], what: str
) -> None:
    data = sealed_object(converted, **parts)
    for form in (Form.SOPS, Form.PLAIN):
        with pytest.raises(
            KsealError, match=r"^f\.yaml: SealedSecret/shop/db: has no place in the other form: "
        ) as caught:
            converted(data, form)
        assert caught.value.message.endswith(what)
        assert converted(data, form, may_lose=True).changes[0].left_out == (what,)


def test_what_a_server_writes_and_what_the_template_says_too_is_no_loss(converted: Convert) -> None:
    data = sealed_object(
        converted,
        metadata={"uid": "x", "creationTimestamp": None, "labels": {"app": "1"}, "managedFields": [{}]},
        top={"status": {"observedGeneration": 1}},
        inner={"creationTimestamp": None},
    )
    assert converted(data, Form.SOPS).changes[0].left_out == ()


def test_a_template_that_makes_values_is_refused_whatever_is_said(converted: Convert) -> None:
    data = sealed_object(converted, template={"data": {"url": "{{ .password }}"}})
    with pytest.raises(
        KsealError, match=r"^f\.yaml: SealedSecret/shop/db: spec\.template\.data makes values"
    ) as caught:
        converted(data, Form.SOPS, may_lose=True)
    assert "leave the object sealed" in str(caught.value.hint)


@pytest.mark.parametrize("extra", [b"status: {a: 1}\n", b"stringdata: {a: b}\n"])
def test_fields_that_a_secret_does_not_have_are_refused_or_named(converted: Convert, extra: bytes) -> None:
    name = extra.partition(b":")[0].decode()
    if name == "status":
        assert converted(SECRET + extra, Form.SEALED).changes[0].left_out == ()
        return
    with pytest.raises(KsealError, match="no place in the other form: stringdata"):
        converted(SECRET + extra, Form.SEALED)
    assert converted(SECRET + extra, Form.SEALED, may_lose=True).changes[0].left_out == (name,)


def test_lists_are_converted_item_by_item(converted: Convert) -> None:
    items = b'{"kind": "List", "apiVersion": "v1", "items": [%s, {"kind": "ConfigMap", "apiVersion": "v1"}]}'
    one = (
        b'{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "b"}, "stringData": {"c": "d"}}'
    )
    done = converted(items % one, Form.SEALED, name="f.json")
    assert done.data.endswith(b', {"kind": "ConfigMap", "apiVersion": "v1"}]}')
    with pytest.raises(KsealError, match=r"^f\.json: items\[1\]: ConfigMap: SOPS encrypts whole files"):
        converted(items % one, Form.SOPS, name="f.json")
    alone = b'{"kind": "List", "apiVersion": "v1", "items": [%s]}' % one
    sops = converted(alone, Form.SOPS, name="f.json").data
    assert meaning(converted(sops, Form.PLAIN, name="f.json").data) == meaning(alone)


@settings(max_examples=25)
@given(
    st.dictionaries(st.text("abc.-_", min_size=1, max_size=5).filter(lambda key: key[0] != "."), st.binary(max_size=40))
)
def test_any_value_comes_through_the_other_form(items: dict[str, bytes]) -> None:
    keys = Keys({"age": AgeService(Given({"x": str(IDENTITY).encode()}))})
    raw = {"apiVersion": "v1", "kind": "Secret", "data": {key: b64encode(data).decode() for key, data in items.items()}}
    text, form = manifest.to_yaml(raw).encode(), sopsfile.form_for("f.yaml", b"")
    sops = sopsfile.encrypted(text, form, keys, Recipients([[RECIPIENT]]), source="x", now=NOW)
    assert meaning(sopsfile.decrypted(sops, form, keys, keeps_comments=True).data) == [raw]


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([SECRET, SETTINGS, b"---\n", b"sops: {mac: x}\n", b"kind: Secret\n", b"\t", b"&a", b"!!"]))
)
def test_hostile_files_are_refused_or_left(pieces: list[bytes]) -> None:
    def nothing() -> Any:
        raise KsealError("no key")

    said = ""
    try:
        convert(b"".join(pieces), "f.yaml", Form.SOPS, Powers(nothing, nothing, nothing, nothing))
    except KsealError as error:
        said = f"{error.message} {error.hint}"
    assert "hunter2" not in said
