"""What is read from an input Secret, and what is refused because an API server would refuse it."""

from typing import Any

import pytest

from sealer import secret
from sealer.errors import FormatError, SealError


def test_string_data_wins_over_data() -> None:
    both = {"data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "new", "c": "ü"}}
    assert secret.values(both) == {"a": b"new", "b": b"b", "c": "ü".encode()}


def test_null_is_empty_as_go_reads_it() -> None:
    assert secret.values({"data": None, "stringData": {"a": None}}) == {"a": b""}
    assert secret.values({"data": {"a": None}}) == {"a": b""}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": "YQ=="}, "data is a string, not an object"),
        ({"data": ["YQ=="]}, "data is a list, not an object"),
        ({"data": {"port": 5432}}, 'data["port"] is a number, not a string'),
        ({"stringData": {"on": True}}, 'stringData["on"] is a boolean, not a string'),
        ({"stringData": {"x": {"y": "z"}}}, 'stringData["x"] is an object, not a string'),
        ({"data": {"password": "hunter2!"}}, 'data["password"]: illegal base64 data at input byte 7'),
        ({"stringData": {"a": "\ud800"}}, 'stringData["a"] is not valid Unicode'),
    ],
)
def test_errors_have_the_path_and_never_the_value(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        secret.values(fields)
    assert caught.value.message == message
    assert "hunter2" not in str(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize("key", ["a", ".dockerconfigjson", "TLS_key-1.pem", "-", ".a..b", "a" * 253])
def test_keys_that_the_api_takes(key: str) -> None:
    secret.check_values({key: b""})


@pytest.mark.parametrize("key", ["", ".", "..", "..a", "a b", "a/b", "ä", "a\n", "a:", "a" * 254])
def test_keys_that_the_api_refuses(key: str) -> None:
    with pytest.raises(SealError, match="data key"):
        secret.check_values({key: b""})


def test_all_values_together_are_one_mebibyte_at_most() -> None:
    secret.check_values({"a": bytes(1 << 19), "b": bytes(1 << 19)})
    with pytest.raises(SealError, match="1048577 bytes together"):
        secret.check_values({"a": bytes(1 << 19), "b": bytes((1 << 19) + 1)})


@pytest.mark.parametrize("name", ["a", "db-1", "a.b.c", "1", "a" * 253, "x" * 64 + ".y"])
def test_names_that_the_api_takes(name: str) -> None:
    secret.check_name(name)


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a..b", "a.", ".a", "a_b", "a/b", "ä", "a b", "a" * 254])
def test_names_that_the_api_refuses(name: str) -> None:
    with pytest.raises(SealError, match="cannot be the name"):
        secret.check_name(name)


@pytest.mark.parametrize("namespace", ["", "A", "a.b", "-", "a" * 64, "a/b"])
def test_namespaces_that_the_api_refuses(namespace: str) -> None:
    with pytest.raises(SealError, match="cannot be a namespace"):
        secret.check_namespace(namespace)


@pytest.mark.parametrize("labels", [{"a": ""}, {"a.b/c": "d"}, {"A_1": "x" * 63}, {"a": "B.-_c"}])
def test_labels_that_the_api_takes(labels: dict[str, str]) -> None:
    secret.check_labels(labels)


@pytest.mark.parametrize(
    "labels",
    [
        {"": "a"},
        {"a b": ""},
        {"/a": ""},
        {"A.b/c": ""},
        {"a/b/c": ""},
        {"a": "b "},
        {"a": "-b"},
        {"a": "x" * 64},
        {"x" * 64: ""},
    ],
)
def test_labels_that_the_api_refuses(labels: dict[str, str]) -> None:
    with pytest.raises(SealError):
        secret.check_labels(labels)


def test_annotation_values_are_free_but_limited_together() -> None:
    secret.check_annotations({"A.example/Note": "anything: ü \n", "b": "x" * (256 * 1024 - 29)})
    with pytest.raises(SealError, match="annotations have"):
        secret.check_annotations({"b": "x" * (256 * 1024)})
    for key in ("", "a b", "-", "x/y/z"):
        with pytest.raises(SealError, match="annotation"):
            secret.check_annotations({key: ""})


def test_finalizers_are_qualified_names() -> None:
    secret.check_finalizers(["example.com/hold"])
    with pytest.raises(SealError, match='"a b" cannot be a finalizer'):
        secret.check_finalizers(["example.com/hold", "a b"])


def test_lists_of_strings_are_lists_of_strings() -> None:
    given = ["a"]
    assert secret.string_list(given, "metadata.finalizers") == given
    assert secret.string_list(given, "metadata.finalizers") is not given
    assert secret.string_list(None, "metadata.finalizers") == []
    for wrong in ("a", [1], {}):
        with pytest.raises(FormatError, match=r"^metadata\.finalizers is not a list of strings$"):
            secret.string_list(wrong, "metadata.finalizers")
