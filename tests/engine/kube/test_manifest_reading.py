"""Inputs become manifests: YAML or JSON, lists taken apart, and each refusal with its document and line."""

import json
from typing import Any

import pytest

from engine.kube.documents import DocumentError, Limits
from engine.kube.manifest import Form, Manifest, ManifestError, read
from engine.kube.refs import ObjectRef

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"k": "dg=="}}
OTHER = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}}


def raws(data: str | bytes, limits: Limits | None = None) -> list[dict[str, Any]]:
    return [manifest.raw for manifest in read(_bytes(data), source="s.yaml", limits=limits or Limits())[0]]


def form(data: str | bytes) -> Form:
    return read(_bytes(data), source="s.yaml")[1]


def refusal(data: str | bytes, limits: Limits | None = None) -> DocumentError:
    with pytest.raises(DocumentError) as refused:
        raws(data, limits)
    return refused.value


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


_AS_YAML = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\ndata:\n  k: dg==\n"


@pytest.mark.parametrize(
    "text", [_AS_YAML, f"---\n{_AS_YAML}---\n", f"# comment\n{_AS_YAML}...\n", f"\ufeff{_AS_YAML}"]
)
def test_a_yaml_document(text: str) -> None:
    assert raws(text) == [SECRET]
    assert form(text) is Form.YAML


@pytest.mark.parametrize("text", ["{}", "\n {}\n", "\ufeff{}", "\t{}"])
def test_a_json_object_with_space_or_a_mark_around_it(text: str) -> None:
    data = text.replace("{}", json.dumps(SECRET))
    assert raws(data) == [SECRET]
    assert form(data) is Form.JSON


@pytest.mark.parametrize("between", ["", "\n", " \r\n\t"])
def test_json_objects_one_after_the_other(between: str) -> None:
    data = json.dumps(SECRET) + between + json.dumps(OTHER, indent=2) + between
    assert raws(data) == [SECRET, OTHER]
    assert form(data) is Form.JSON


def test_json_documents_between_yaml_separators_are_yaml() -> None:
    data = f"{json.dumps(SECRET)}\n---\n{json.dumps(OTHER)}\n"
    assert raws(data) == [SECRET, OTHER]
    assert form(data) is Form.YAML


@pytest.mark.parametrize("data", ["{apiVersion: v1, kind: Secret}", '{"apiVersion": "v1", "kind": "Secret",}'])
def test_yaml_that_begins_with_a_brace_is_yaml(data: str) -> None:
    assert raws(data) == [{"apiVersion": "v1", "kind": "Secret"}]
    assert form(data) is Form.YAML


@pytest.mark.parametrize("data", [b"", b"\n\n", b"---\n---\n", b"# nothing\n"])
def test_an_input_without_documents_has_no_manifests(data: bytes) -> None:
    assert read(data, source="s") == ([], Form.YAML)


def test_yaml_is_read_as_kubectl_reads_it() -> None:
    assert raws("{kind: Secret, data: {n: no}}") == [{"kind": "Secret", "data": {"false": False}}]


@pytest.mark.parametrize(
    "items",
    [
        {"kind": "List", "apiVersion": "v1", "items": [SECRET, OTHER]},
        {"kind": "SecretList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [SECRET, OTHER]},
        {"kind": "List", "items": [{"kind": "List", "items": [SECRET]}, {"kind": "List", "items": []}, OTHER]},
    ],
)
def test_lists_are_taken_apart_in_place(items: dict[str, Any]) -> None:
    data = f"{json.dumps(OTHER)}\n---\n{json.dumps(items)}\n---\n{json.dumps(SECRET)}\n"
    assert raws(data) == [OTHER, SECRET, OTHER, SECRET]


def test_items_of_a_list_of_one_kind_need_not_repeat_it() -> None:
    data = json.dumps({"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]})
    assert raws(data) == [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}]


@pytest.mark.parametrize("items", [None, {}, "x"])
def test_a_kind_that_only_ends_like_a_list_is_an_object(items: Any) -> None:
    raw = {"apiVersion": "example.com/v1", "kind": "AllowList", "items": items}
    assert raws(json.dumps(raw)) == [raw]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("just text\n", "s.yaml: a string, not a Kubernetes object"),
        ("- a\n", "s.yaml: a list, not a Kubernetes object"),
        ("12\n", "s.yaml: a scalar, not a Kubernetes object"),
        ("a: 1\n---\ntrue\n", "s.yaml: document 2 (line 3): a scalar, not a Kubernetes object"),
        ("---\n# empty\n---\nx\n", "s.yaml: document 2 (line 4): a string, not a Kubernetes object"),
        ("kind: List\nitems:\n- {}\n- [x]\n", "s.yaml: items[1]: a list, not a Kubernetes object"),
        ("a: 1\n---\nkind: List\nitems: [{kind: List, items: [1]}]\n",
         "s.yaml: document 2 (line 3): items[0]: items[0]: a scalar, not a Kubernetes object"),
    ],
)  # fmt: skip
def test_what_is_no_object_is_refused_by_place(data: str, message: str) -> None:
    error = refusal(data)
    assert isinstance(error, ManifestError)
    assert error.message == message


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("apiVersion: 1", "apiVersion must be a string"),
        ("kind: [a]", "kind must be a string"),
        ("metadata: x", "metadata must be an object"),
        ("metadata: {name: 12}", "metadata.name must be a string"),
        ("metadata: {namespace: {}}", "metadata.namespace must be a string"),
        ("metadata: {labels: [a]}", "metadata.labels must be an object"),
        ("metadata: {labels: {tier: 1}}", "metadata.labels.tier must be a string"),
        ("metadata: {annotations: {a/b: true}}", "metadata.annotations.a/b must be a string"),
        ("metadata: {ownerReferences: {}}", "metadata.ownerReferences must be a list of objects"),
        ("metadata: {ownerReferences: [x]}", "metadata.ownerReferences must be a list of objects"),
    ],
)
def test_fields_of_another_type_than_their_own_are_refused_by_path(field: str, path: str) -> None:
    assert refusal(field).message == f"s.yaml: {path}"
    assert refusal(f"a: 1\n---\n{field}\n---\nb: 2").message == f"s.yaml: document 2 (line 3): {path}"
    assert refusal(f"kind: List\nitems: [{{{field}}}]").message == f"s.yaml: items[0]: {path}"


def test_a_number_for_a_string_comes_with_the_cure() -> None:
    assert refusal("metadata: {name: 0123}").hint == "quote the value"
    assert refusal("metadata: {name: [a]}").hint is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"a": 1} x', "s.yaml: line 1: neither an object nor the end"),
        ('{"a": 1}\n{"b": 2}\n]', "s.yaml: line 3: neither an object nor the end"),
        ('{"a": 1}\n[1]', "s.yaml: line 2: neither an object nor the end"),
        ('{"a": 1}\n{"b": }x', "s.yaml: line 2: expecting value"),
        ('{"a": "x}', "s.yaml: line 1: unterminated string starting at"),
        ('{"a": "\\q"}x', "s.yaml: line 1: invalid \\escape"),
        ('{\n"a": 1 "b": 2}', "s.yaml: line 2: expecting ',' delimiter"),
        (b'{"a":\n"\xff"}', "s.yaml: line 2: not UTF-8 text"),
    ],
)  # fmt: skip
def test_broken_json_is_refused_by_line(data: str | bytes, message: str) -> None:
    assert refusal(data).message == message


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        ('{"a": 1,\n"a": 2}', 1, "a key is there twice in the same mapping"),
        ('{}\n{"x": {"a": 1, "a": 2}}', 2, "a key is there twice in the same mapping"),
        ('{"a": NaN}', 1, "a number is larger than any, or NaN"),
        ('{"a": -Infinity}', 1, "a number is larger than any, or NaN"),
        ('{"a": 1e999}', 1, "a number is larger than any, or NaN"),
        ('{"a": ["\\ud800"]}', 1, "an escape stands for half a surrogate pair"),
        ('{"\\uDC00": 1}', 1, "an escape stands for half a surrogate pair"),
    ],
)
def test_json_that_readers_understand_differently_is_refused_by_object(data: str, line: int, what: str) -> None:
    assert refusal(data).message == f"s.yaml: line {line}: in the object that begins here, {what}"


def test_a_refusal_of_json_does_not_quote_it() -> None:
    for data in (
        '{"a": "pl4nted',
        '{"pl4nted": 1, "pl4nted": 2}',
        '{"a": 1} pl4nted',
        '{"a": "pl4nted\\q"}x:',
    ):
        error = refusal(data)
        assert "pl4nted" not in f"{error!r}{error.hint}"
        assert error.__cause__ is None
        assert error.__suppress_context__


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-0", 0), ("1.0", 1), ("1.5", 1.5), ("1e3", 1000), ("1e21", 1e21), ("0.1", 0.1),
        ("9223372036854775807", 2**63 - 1), ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 18446744073709552000), ("-9223372036854775808", -(2**63)),
        ("123456789012345678901234567890", 1.2345678901234568e29), ("1" * 300, 1.1111111111111112e299),
    ],
)  # fmt: skip
def test_numbers_of_json_are_those_that_go_prints(text: str, value: Any) -> None:
    (raw,) = raws(f'{{"n": {text}}}')
    assert raw["n"] == value
    assert type(raw["n"]) is type(value)


def test_escapes_of_pairs_are_characters() -> None:
    assert raws('{"a": "\\ud83d\\ude00"}') == [{"a": "😀"}]


@pytest.mark.parametrize("data", ['{"a": ' + "[" * 300 + "]" * 300 + "}", '{"a": ' * 50_000 + "1" + "}" * 50_000])
def test_json_too_deep_is_refused(data: str) -> None:
    assert "more than 256 lists and mappings inside each other" in refusal(data).message


@pytest.mark.parametrize(
    ("limits", "data", "message"),
    [
        (Limits(bytes=4), '{"a": 1}', "s.yaml: 8 bytes are more than the 4 that are read"),
        (Limits(documents=1), "{} {}", "s.yaml: line 1: more than 1 documents"),
        (Limits(nodes=3), '{"a": [1, 2]}', "s.yaml: line 1: in the object that begins here, more than 3 values"),
    ],
)
def test_limits_hold_for_json(limits: Limits, data: str, message: str) -> None:
    assert refusal(data, limits).message == message


def test_a_manifest_says_where_it_comes_from() -> None:
    manifests, _ = read(b"kind: A\n---\nkind: List\nitems: [{kind: B}]\n", source="dir/s.yaml")
    assert [manifest.origin for manifest in manifests] == [
        "dir/s.yaml: document 1 (line 1)",
        "dir/s.yaml: document 2 (line 3): items[0]",
    ]


def test_the_manifests_of_an_input_can_be_told_by_reference() -> None:
    manifests, _ = read(json.dumps(SECRET).encode(), source="s")
    assert manifests == [Manifest(SECRET)]
    assert manifests[0].ref == ObjectRef("", "Secret", "shop", "db")
