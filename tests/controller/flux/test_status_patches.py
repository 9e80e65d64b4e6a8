"""A status is written as a patch of what differs, and not at all when nothing does."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.flux.statuses import merge_patch

VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def applied(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = applied(found.get(name), value)
    return found


@given(OBJECTS, OBJECTS)
def test_the_patch_leads_from_one_to_the_other(old: dict, new: dict) -> None:
    assert applied(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_equal_states_need_no_patch(state: dict) -> None:
    assert merge_patch(state, dict(state)) == {}


def test_lists_are_replaced_whole() -> None:
    assert merge_patch({"a": [1], "b": 1}, {"a": [1, 2], "b": 1}) == {"a": [1, 2]}
