"""A role's session carries the host's name as far as AWS allows."""

import pytest

pytest.importorskip("boto3")

from providers.aws.kms import session_name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("host", "sops@host"),
        ("my-host.example", "sops@myhost.example"),
        ("a b/c", "sops@abc"),
        ("h" * 80, "sops@" + "h" * 59),
    ],
)
def test_the_name_is_the_originals(host: str, name: str) -> None:
    assert session_name(host) == name
