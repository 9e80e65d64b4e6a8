"""Variables in objects: types, keys, exemptions, errors, and what stays untouched."""

from typing import Any

import pytest

from engine.substitute import SubstituteError, substitute_objects


def config(name: str = "c", **data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": data}


def done(obj: dict[str, Any], strict: bool = True, **variables: str) -> Any:
    (result,) = substitute_objects([obj], variables, strict=strict, is_exempt=lambda _: False)
    return result["data"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("8080", 8080),
        ("yes", True),
        ("n", False),
        ("null", None),
        ("", None),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("0x1F", 31),
        ("1:30", "1:30"),
        ("2001-01-01", "2001-01-01"),
        ("v1", "v1"),
        ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}),
        ('"80"', "80"),
        ("text # no comment", "text"),
        ("9007199254740993", 9007199254740992),
    ],
)
def test_a_value_gets_the_type_that_it_looks_like(value: str, read: Any) -> None:
    assert done(config(k="${v}"), v=value) == {"k": read}


def test_a_variable_that_holds_a_quote_keeps_a_text_a_text() -> None:
    assert done(config(port="${quote}${port}${quote}"), port="8080", quote='"') == {"port": "8080"}


def test_dollars_are_unescaped_in_every_object_also_in_shell_code() -> None:
    script = "for i in $$(seq 3); do echo $${i} $$$$; done\n"
    assert done(config(run=script)) == {"run": "for i in $(seq 3); do echo ${i} $$; done\n"}


def test_a_variable_that_is_not_set_fails_and_names_object_and_variable() -> None:
    with pytest.raises(SubstituteError) as caught:
        done(config(k="${nowhere}"), other="x")
    assert caught.value.message == 'ConfigMap/n/c: variable not set (strict mode): "nowhere"'
    assert done(config(k="a${nowhere}b"), strict=False) == {"k": "ab"}


def test_keys_are_substituted_too() -> None:
    assert done(config(**{"${k}": "x"}), k="name") == {"name": "x"}


def test_line_breaks_go_out_of_values() -> None:
    assert done(config(k="${v}"), v="a\nb\n") == {"k": "ab"}


def test_a_value_may_make_structure_but_only_inside_its_place() -> None:
    assert done(config(k="${v}", other="o"), v="{a: b}") == {"k": {"a": "b"}, "other": "o"}
    with pytest.raises(SubstituteError, match="ConfigMap/n/c"):
        done(config(k="${v}"), v="a: b: c")


def test_what_is_exempt_stays_as_it_is() -> None:
    objects = [config("a", k="${v}"), config("b", k="${v}$$")]
    first, second = substitute_objects(
        objects, {"v": "x"}, strict=True, is_exempt=lambda obj: obj["metadata"]["name"] == "b"
    )
    assert first["data"] == {"k": "x"}
    assert second is objects[1]


def test_objects_without_a_dollar_are_returned_untouched() -> None:
    obj = config(text="no dollar\n  here: [", yes="yes", number=8080, big=2**53, none=None, tab="\t")
    assert substitute_objects([obj], {"v": "x"}, strict=True, is_exempt=lambda _: False)[0] is obj


def test_numbers_become_what_they_are_after_reading_them_again_even_without_a_dollar() -> None:
    assert done(config(whole=1.0, big=2**63 - 1)) == {"whole": 1, "big": 9223372036854776000}


def test_the_given_objects_are_not_changed() -> None:
    obj = config(k=["${v}", {"a": "$$"}])
    done(obj, v="x")
    assert obj == config(k=["${v}", {"a": "$$"}])


@pytest.mark.parametrize("name", ["a-b", "1a", "", "a.b", "é", "a\n"])
def test_variables_with_other_names_are_refused(name: str) -> None:
    with pytest.raises(SubstituteError, match="var name is invalid"):
        substitute_objects([config()], {name: "secret"}, strict=True, is_exempt=lambda _: False)
