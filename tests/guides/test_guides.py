"""The guides around SealedSecrets and the controller do what they show."""

import pytest

from tests.kit import guides
from tests.kit.reader import Reader

pytestmark = [pytest.mark.cluster, pytest.mark.netns]


@pytest.mark.parametrize("document", guides.scripts(about_sops=False))
def test_a_document_does_what_it_shows(document: str, reader: Reader) -> None:
    guides.follow(document, reader)
