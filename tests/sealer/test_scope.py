"""Scopes, their annotations and their labels."""

import pytest

from sealer.scope import CLUSTER_WIDE, NAMESPACE_WIDE, Scope, annotate, label, of


@pytest.mark.parametrize(
    ("annotations", "scope"),
    [
        ({}, Scope.STRICT),
        ({NAMESPACE_WIDE: "true"}, Scope.NAMESPACE),
        ({CLUSTER_WIDE: "true"}, Scope.CLUSTER),
        ({CLUSTER_WIDE: "true", NAMESPACE_WIDE: "true"}, Scope.CLUSTER),
        ({CLUSTER_WIDE: "True", NAMESPACE_WIDE: "1"}, Scope.STRICT),
        ({CLUSTER_WIDE: "false", NAMESPACE_WIDE: "true"}, Scope.NAMESPACE),
        ({CLUSTER_WIDE: True}, Scope.STRICT),
    ],
)
def test_only_the_exact_text_true_counts_and_cluster_wide_wins(annotations: dict[str, object], scope: Scope) -> None:
    assert of(annotations) is scope


@pytest.mark.parametrize(
    ("scope", "expected"), [(Scope.STRICT, b"myns/myname"), (Scope.NAMESPACE, b"myns"), (Scope.CLUSTER, b"")]
)
def test_labels_are_those_of_the_contract(scope: Scope, expected: bytes) -> None:
    assert label(scope, "myns", "myname") == expected


@pytest.mark.parametrize("scope", Scope)
def test_annotating_leaves_exactly_one_declaration(scope: Scope) -> None:
    before = {"team": "a", CLUSTER_WIDE: "true", NAMESPACE_WIDE: "false"}
    after = annotate(before, scope)
    assert of(after) is scope
    assert after == {"team": "a"} | ({scope.annotation: "true"} if scope.annotation else {})
    assert before[CLUSTER_WIDE] == "true"
