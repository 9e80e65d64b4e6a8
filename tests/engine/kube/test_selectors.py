"""Selectors of labels. Cases as in k8s.io/apimachinery pkg/labels, written from its documentation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kube.selectors import Selector, SelectorError

LABELS = {"app": "web", "tier": "front", "empty": "", "size": "10"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app=web",
        "app==web",
        " app = web , tier != back ",
        "app",
        "!legacy",
        "! legacy",
        "app in (web, api)",
        "app in (web)",
        "tier notin (back,middle)",
        "legacy notin (x)",
        "legacy!=x",
        "empty=",
        "empty",
        "size>9,size<11",
        "example.org/x notin (a),app",
    ],
)
def test_it_fits(text: str) -> None:
    assert Selector(text).fits(LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "app=api",
        "app!=web",
        "legacy",
        "!app",
        "app in (api)",
        "tier notin (front)",
        "app=",
        "size>10",
        "size<10",
        "app>1",
        "legacy in (x)",
    ],
)
def test_it_does_not_fit(text: str) -> None:
    assert not Selector(text).fits(LABELS)


@pytest.mark.parametrize("text", ["=x", "a b", "a in b", "a in (b", "!", "a,,b", "a=(b)", "a in (b) c", "x" * 10_001])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(SelectorError):
        Selector(text)


@given(st.text(alphabet="ab=!,() <>in", max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        selector = Selector(text)
    except SelectorError:
        return
    assert selector.fits(LABELS) in (True, False)
