"""Networks that flags allow or deny, and what becomes of them."""

import pytest

from controller.fluxflags import networks
from engine.source.guard import METADATA, Guard


def test_networks_are_listed_by_comma() -> None:
    assert networks("10.0.0.0/8, fd00::/8,192.0.2.1") == ("10.0.0.0/8", "fd00::/8", "192.0.2.1")
    assert networks("") == ()


@pytest.mark.parametrize("text", ["10.0.0.0/40", "10.0.0.1/8", "git.example", "10.0.0.0/8,x", "0x7f.1"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write networks as"):
        networks(text)


def test_the_narrower_network_counts() -> None:
    guard = Guard(allow=networks("127.0.0.1/32,10.1.0.0/16"), deny=(*METADATA, *networks("10.0.0.0/8")), lockdown=True)
    assert guard.is_allowed("127.0.0.1")
    assert guard.is_allowed("10.1.2.3")
    assert not guard.is_allowed("127.0.0.2")
    assert not guard.is_allowed("10.2.0.1")
    assert not guard.is_allowed("169.254.169.254")
