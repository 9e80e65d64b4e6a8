"""Which objects the words of a command line mean."""

import pytest

from controller.cli import asked, kinds
from controller.cli.asked import Asked
from controller.cli.kinds import EXTERNAL_ARTIFACT, GIT_REPOSITORY, KUSTOMIZATION, RECEIVER
from sealer.cli.misuse import Misused

EXAMPLE = "kseal get ks/apps"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kustomization/apps", [Asked(KUSTOMIZATION, "apps")]),
        ("ks apps", [Asked(KUSTOMIZATION, "apps")]),
        ("ks apps infra", [Asked(KUSTOMIZATION, "apps"), Asked(KUSTOMIZATION, "infra")]),
        ("ks gitrepo", [Asked(KUSTOMIZATION), Asked(GIT_REPOSITORY)]),
        ("ks/apps gitrepo/web", [Asked(KUSTOMIZATION, "apps"), Asked(GIT_REPOSITORY, "web")]),
        ("ks,receivers", [Asked(KUSTOMIZATION), Asked(RECEIVER)]),
        ("ks,gitrepo web", [Asked(KUSTOMIZATION, "web"), Asked(GIT_REPOSITORY, "web")]),
        ("Kustomizations", [Asked(KUSTOMIZATION)]),
        ("kustomizations.kustomize.toolkit.fluxcd.io", [Asked(KUSTOMIZATION)]),
        ("sources git", [Asked(GIT_REPOSITORY)]),
        ("source git web", [Asked(GIT_REPOSITORY, "web")]),
        ("sources all", [Asked(GIT_REPOSITORY), Asked(EXTERNAL_ARTIFACT)]),
        ("sources", [Asked(GIT_REPOSITORY), Asked(EXTERNAL_ARTIFACT)]),
        ("all", [Asked(kind) for kind in kinds.KINDS]),
        ("ks/apps ks/apps", [Asked(KUSTOMIZATION, "apps")]),
        ("", []),
    ],
)
def test_words_mean_objects(line: str, expected: list[Asked]) -> None:
    assert asked.read(line.split(), example=EXAMPLE) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("kustomisation", 'there is no kind "kustomisation"'),
        ("apps/x", 'there is no kind "apps"'),
        ("ks/", '"ks/" is not KIND/NAME'),
        ("ks/a/b", '"ks/a/b" is not KIND/NAME'),
        ("ks,nothing", 'there is no kind "nothing"'),
    ],
)
def test_a_word_that_means_nothing_is_said(line: str, message: str) -> None:
    with pytest.raises(Misused) as caught:
        asked.read(line.split(), example=EXAMPLE)
    assert caught.value.message == message


def test_a_kind_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(Misused) as caught:
        asked.read(["kustomisations"], example=EXAMPLE)
    assert caught.value.hint == "did you mean kustomizations?"


@pytest.mark.parametrize("line", ["", "ks", "all"])
def test_a_verb_that_acts_wants_names(line: str) -> None:
    with pytest.raises(Misused):
        asked.objects(line.split(), example=EXAMPLE)


def test_no_two_kinds_share_a_word() -> None:
    words = [word for kind in kinds.KINDS for word in kind.words]
    assert len(words) == len(set(words))
