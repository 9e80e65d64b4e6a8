"""A tree of objects, as it is drawn."""

from controller.cli import tree
from controller.cli.tree import Branch
from engine.kube.refs import ObjectRef


def branch(name: str, *below: Branch, health: str = "Current", message: str = "") -> Branch:
    return Branch(ObjectRef("apps", "Deployment", "shop", name), health, message, below)


def drawn(root: Branch, *, has_colour: bool = False) -> list[str]:
    return list(tree.lines(root, has_colour=has_colour))


def test_branches_hang_below_their_owner() -> None:
    assert drawn(branch("a", branch("b", branch("c"), branch("d")), branch("e"))) == [
        "Deployment/shop/a Current",
        "├── Deployment/shop/b Current",
        "│   ├── Deployment/shop/c Current",
        "│   └── Deployment/shop/d Current",
        "└── Deployment/shop/e Current",
    ]


def test_what_is_not_as_it_should_be_says_why() -> None:
    assert drawn(branch("a", health="InProgress", message="1 of 3\nreplicas")) == [
        "Deployment/shop/a InProgress: 1 of 3\\nreplicas"
    ]
    assert drawn(branch("a", message="Resource is current")) == ["Deployment/shop/a Current"]


def test_health_has_a_colour() -> None:
    assert drawn(branch("a", health="Failed"), has_colour=True) == ["Deployment/shop/a \x1b[31mFailed\x1b[0m"]
