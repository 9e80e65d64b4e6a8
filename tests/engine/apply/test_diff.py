"""What differs, and what of it may be shown."""

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.diff import MOST_LINES, MOST_SHOWN, difference, is_different, masked

Object = dict[str, Any]
KEY = b"k" * 32
PLANTED = "hunter2-planted"


def config(data: Object | None = None, **metadata: Any) -> Object:
    metadata = {"name": "one", "namespace": "n", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}}


def secret(value: str = PLANTED, **more: Any) -> Object:
    data = {"password": base64.b64encode(value.encode()).decode(), "other": "eA=="}
    return config(data) | {"kind": "Secret", **more}


def metrics(*names: str) -> Object:
    listed = [{"type": "Resource", "resource": {"name": name}} if name else {"type": ""} for name in names]
    return config() | {"kind": "HorizontalPodAutoscaler", "spec": {"metrics": listed}}


def test_status_and_book_keeping_do_not_count() -> None:
    live = config(resourceVersion="1", generation=1, managedFields=[], finalizers=["x"]) | {"status": {"a": 1}}
    assert not is_different(live, config(resourceVersion="2"))


def test_labels_and_annotations_count() -> None:
    assert is_different(config(), config(labels={"a": "b"}))
    assert is_different(config(annotations={"a": "b"}), config())
    assert not is_different(config(labels={}), config())


def test_a_metric_that_an_old_server_doubles_is_one() -> None:
    assert not is_different(metrics("cpu", "memory"), metrics("cpu", "cpu", "memory", ""))
    assert is_different(metrics("cpu", "memory"), metrics("memory", "cpu"))


def test_a_difference_shows_the_lines_that_change() -> None:
    found = difference(config({"a": "1", "b": "2"}), config({"a": "1", "b": "3"}), mask=KEY)
    assert found.word == "configured"
    assert [line for line in found.lines if line[0] in "+-"] == ['-  b: "2"', '+  b: "3"']


def test_equal_objects_have_no_difference() -> None:
    found = difference(config(uid="1"), config(uid="2") | {"status": {}}, mask=KEY)
    assert not found
    assert found.lines == ()


def test_what_is_new_and_what_goes_is_shown_whole() -> None:
    assert all(line.startswith(("+", "@@")) for line in difference(None, config(), mask=KEY).lines)
    assert all(line.startswith(("-", "@@")) for line in difference(config(), None, mask=KEY).lines)


def test_a_value_of_a_secret_is_never_shown_and_its_change_is() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(secret())}
    old = secret()
    old["metadata"]["annotations"] = applied
    new = secret("new") | {"stringData": {"plain": PLANTED}}
    for form in ("text", "markdown"):
        shown = difference(old, new, mask=KEY).render(form)  # type: ignore[arg-type]
        assert PLANTED not in shown
        assert base64.b64encode(PLANTED.encode()).decode() not in shown
        assert "password: (masked " in shown


def test_equal_values_have_equal_masks_in_whatever_field() -> None:
    shown = masked(secret() | {"stringData": {"p": PLANTED, "q": "x"}}, KEY)
    assert shown["data"]["password"] == shown["stringData"]["p"]
    assert shown["data"]["other"] == shown["stringData"]["q"]
    assert shown["data"]["password"] != masked(secret(), b"another")["data"]["password"]


def test_what_is_masked_is_a_copy() -> None:
    obj = secret()
    masked(obj, KEY)
    assert obj == secret()


def test_markdown_cannot_be_ended_by_what_stands_in_it() -> None:
    shown = difference(None, config({"a": "```\n</details>", "b": "````"}), mask=KEY).render("markdown")
    assert "\n`````diff\n" in shown


def test_a_long_difference_is_cut_and_says_so() -> None:
    many = {f"k{number:05}": "v" for number in range(MOST_SHOWN * 2)}
    found = difference(config(), config(many), mask=KEY)
    assert len(found.lines) <= MOST_SHOWN + 1
    assert found.lines[-1] == "@@ there is more"


def test_a_change_at_the_end_of_a_long_object_is_shown() -> None:
    many = {f"k{number:05}": "v" for number in range(MOST_LINES * 2)}
    found = difference(config(many), config({**many, "z": "w"}), mask=KEY)
    assert "+  z: w" in found.lines


def test_what_is_too_long_to_be_compared_is_not() -> None:
    one, other = ({f"{mark}{number}": "v" for number in range(MOST_LINES * 2)} for mark in "ab")
    found = difference(config(one), config(other), mask=KEY)
    assert found
    assert len(found.lines) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.just(PLANTED),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from("ab"), below, max_size=2),
    max_leaves=5,
)


@given(JSON, JSON)
def test_whatever_stands_where_values_belong_is_masked(data: Any, plain: Any) -> None:
    obj = config() | {"kind": "Secret", "data": data, "stringData": plain}
    assert PLANTED not in difference(None, obj, mask=KEY).render()
