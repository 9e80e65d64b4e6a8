"""The guides around SOPS files do what they show. A file of its own, so that they run beside the others."""

import pytest

from tests.kit import guides
from tests.kit.reader import Reader

pytestmark = [pytest.mark.cluster, pytest.mark.netns]


@pytest.mark.parametrize("document", guides.scripts(about_sops=True))
def test_a_document_does_what_it_shows(document: str, reader: Reader) -> None:
    guides.follow(document, reader)
