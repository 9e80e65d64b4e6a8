"""What is told of a refusal of Vault."""

import pytest
from hvac.exceptions import InternalServerError, UnexpectedError, VaultDown, VaultError

from providers.vault.client import translated


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (VaultDown("sealed\nfor now"), "Vault says sealed for now"),
        (InternalServerError(), "Vault says InternalServerError"),
        (UnexpectedError(""), "Vault says UnexpectedError"),
        (VaultError(None), "Vault says VaultError"),
    ],
)
def test_a_refusal_without_words_is_told_by_its_kind(error: Exception, told: str) -> None:
    assert translated("https://vault/v1/transit/keys/x", error, "").message.endswith(told)
