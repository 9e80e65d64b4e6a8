"""Objects as kubeseal prints them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kube.go_numbers import json_value
from engine.kube.manifest import Form, read, to_json, to_yaml

OBJECT = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a", "labels": {}}, "items": [1, [], {"b": None}]}


def test_json_keeps_the_order_of_keys_and_indents_by_two() -> None:
    assert to_json(OBJECT) == (
        '{\n  "kind": "Secret",\n  "apiVersion": "v1",\n  "metadata": {\n    "name": "a",\n    "labels": {}\n  },\n'
        '  "items": [\n    1,\n    [],\n    {\n      "b": null\n    }\n  ]\n}\n'
    )


def test_yaml_sorts_keys_and_begins_a_document() -> None:
    assert to_yaml(OBJECT) == (
        "---\napiVersion: v1\nitems:\n- 1\n- []\n- b: null\nkind: Secret\nmetadata:\n  labels: {}\n  name: a\n"
    )


def test_strings_are_escaped_like_in_go() -> None:
    text = "<a href='x'>&\u2028\u2029 \" \\ / \b\f\n\r\t\x00\x1f\x7f é漢😀"
    assert to_json({"k": text}) == (
        '{\n  "k": "\\u003ca href=\'x\'\\u003e\\u0026\\u2028\\u2029 \\" \\\\ / '
        '\\b\\f\\n\\r\\t\\u0000\\u001f\x7f é漢😀"\n}\n'
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (-5, "-5"), (2**64, "18446744073709551616"), (1.0, "1"), (-0.0, "-0"), (1.5, "1.5"),
        (1e20, "1" + "0" * 20), (1e21, "1e+21"), (1e-6, "0.000001"), (1e-7, "1e-7"), (1.5e-10, "1.5e-10"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (True, "true"), (False, "false"),
    ],
)  # fmt: skip
def test_numbers_are_printed_like_in_go(number: float, text: str) -> None:
    assert to_json({"k": number}) == f'{{\n  "k": {text}\n}}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "pl4nted\ud800", {"\udfff": 1}])
@pytest.mark.parametrize("written", [to_json, to_yaml])
def test_what_has_no_text_is_refused_unquoted(value: Any, written: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON carries|half a surrogate pair") as refused:
        written({"k": [value]})
    assert "pl4nted" not in repr(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("value", [b"x", {1: 2}, (1,), object()])
@pytest.mark.parametrize("written", [to_json, to_yaml])
def test_what_json_does_not_carry_is_refused(value: Any, written: Any) -> None:
    with pytest.raises(TypeError):
        written({"k": [value]})


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).map(json_value)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=10,
)
_OBJECTS = st.dictionaries(_TEXT.filter(lambda key: key not in ("kind", "apiVersion", "metadata")), _VALUES, max_size=4)


@given(_OBJECTS)
def test_any_reader_of_json_gets_the_object_back(raw: dict[str, Any]) -> None:
    assert json.loads(to_json(raw)) == raw


@given(st.lists(_OBJECTS, min_size=1, max_size=3))
def test_what_is_written_in_either_form_is_read_back_in_it(raws: list[dict[str, Any]]) -> None:
    for written, form in ((to_json, Form.JSON), (to_yaml, Form.YAML)):
        manifests, found = read("".join(map(written, raws)).encode(), source="s")
        assert [manifest.raw for manifest in manifests] == raws
        assert found is form
