"""What differs between two sets of objects, and how it is told."""

import base64
import json
from typing import Any

import pytest

from controller.cli import report
from controller.cli.differences import compare
from engine.diff import Difference, Masks
from engine.kube.refs import ObjectRef


def config(name: str = "web", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop", "name": name}, "data": data}


def secret(**data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "db"}, "data": encoded}


def test_objects_are_created_changed_and_deleted() -> None:
    found = compare([config(a="1"), config("old")], [config("new"), config(a="2")], Masks())
    assert [(str(one.ref), one.word) for one in found] == [
        ("ConfigMap/shop/new", "created"),
        ("ConfigMap/shop/web", "configured"),
        ("ConfigMap/shop/old", "deleted"),
    ]
    assert found[1].lines[:4] == ("@@", " apiVersion: v1", " data:", '-  a: "1"')


def test_what_is_equal_but_for_the_order_of_keys_does_not_differ() -> None:
    assert compare([config(a="1", b="2")], [dict(reversed(config(b="2", a="1").items()))], Masks()) == []


def test_another_version_of_a_kind_is_the_same_object() -> None:
    old = {"apiVersion": "apps/v1beta1", "kind": "Deployment", "metadata": {"name": "web"}}
    (one,) = compare([old], [{**old, "apiVersion": "apps/v1"}], Masks())
    assert one.word == "configured"


def test_the_same_object_twice_is_compared_twice() -> None:
    found = compare([config(a="1")], [config(a="1"), config(a="2")], Masks())
    assert [one.word for one in found] == ["created"]


def test_of_secrets_only_equal_and_different_is_seen() -> None:
    masks = Masks()
    old, new = secret(a="hunter2", b="same"), secret(a="hunter3", b="same")
    (one,) = compare([old], [new], masks)
    told = "\n".join(one.lines)
    for value in ("hunter2", "hunter3", "same"):
        assert value not in told
        assert base64.b64encode(value.encode()).decode() not in told
    assert [line[0] for line in one.lines if line[0] in "+-"] == ["-", "+"]
    assert compare([old], [secret(a="hunter2", b="same")], masks) == []


def changed(*lines: str, name: str = "web") -> Difference:
    return Difference(ObjectRef("", "ConfigMap", "shop", name), "configured", ("@@", *lines))


def test_text_is_read_by_a_person() -> None:
    assert report.text([changed("-a", "+b")], has_colour=False) == (
        "~ ConfigMap/shop/web configured\n  @@\n  -a\n  +b\n\n1 configured\n"
    )
    assert report.text([], has_colour=False) == ""
    assert "\x1b[32m  +b\x1b[0m" in report.text([changed("-a", "+b")], has_colour=True)


def test_what_a_terminal_obeys_is_escaped() -> None:
    assert "\x1b" not in report.text([changed("+\x1b[2J", name="\x1b]0;x")], has_colour=False)


def test_json_is_read_by_a_program() -> None:
    told = json.loads(report.json([changed("+b")]))
    assert (told["created"], told["configured"], told["deleted"]) == (0, 1, 0)
    assert told["objects"][0]["object"] == "ConfigMap/shop/web"
    assert told["objects"][0]["lines"] == ["@@", "+b"]


def test_markdown_folds_each_object() -> None:
    told = report.markdown([changed("-a", "+b")], title="apps compared with main")
    assert told.startswith("### apps compared with main\n\n**1 configured**\n\n<details>\n<summary>")
    assert "<code>ConfigMap/shop/web</code> configured (+1 -1)</summary>\n\n```diff\n@@\n-a\n+b\n```" in told
    assert report.markdown([], title="x").endswith("No differences.\n")


@pytest.mark.parametrize("line", ["+```", "+````` x", "+</details>"])
def test_no_content_ends_its_block(line: str) -> None:
    told = report.markdown([changed(line)], title="x")
    fence = told.split("diff\n")[0].rsplit("\n", 1)[1]
    assert len(fence) >= 3
    assert told.count(f"\n{fence}\n") == 1


def test_a_name_is_no_markup() -> None:
    told = report.markdown([changed(name="<img src=x>")], title="a `b` <c>")
    assert "<img" not in told
    assert "### a \\`b\\` \\<c\\>" in told


def test_a_comment_has_a_limit() -> None:
    many = [changed(*(f"+{number:04}{'x' * 60}" for number in range(100)), name=f"web-{one}") for one in range(50)]
    told = report.markdown(many, title="x", limit=20_000)
    assert len(told) <= 20_000
    assert "too long to be shown" in told
    assert len(report.markdown([changed("+" + "x" * 70_000)], title="x")) <= report.MARKDOWN_CHARACTERS
    hopeless = report.markdown(many * 40, title="x", limit=5_000)
    assert len(hopeless) <= 5_000
    assert "more, left out because a comment has a limit" in hopeless
