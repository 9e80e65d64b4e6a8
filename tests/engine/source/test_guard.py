"""Which addresses may be dialled for users of the cluster."""

import socket

import pytest

from engine.source.base import SourceError
from engine.source.guard import Guard


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200"),
        *("168.63.129.16", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "not an address"),
        "64:ff9b:1:7::a9fe:a9fe",
    ],
)
def test_metadata_and_link_local_addresses_are_refused_in_any_form(address: str) -> None:
    assert not Guard().is_allowed(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "8.8.8.8", "127.0.0.1", "::1", "2001:db8::1"])
def test_all_others_may_be_dialled(address: str) -> None:
    assert Guard().is_allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "127.9.9.9"])  # noqa: S104
def test_under_lockdown_this_machine_is_refused_too(address: str) -> None:
    assert not Guard(lockdown=True).is_allowed(address)
    assert Guard(lockdown=True, allow=["127.0.0.0/8", "::1/128", "::/128", "0.0.0.0/8"]).is_allowed(address)


def test_the_more_particular_network_wins() -> None:
    guard = Guard(allow=["10.1.0.0/16"], deny=["10.0.0.0/8", "10.1.2.0/24"])
    assert [guard.is_allowed(f"10.{rest}") for rest in ("2.0.1", "1.0.1", "1.2.3")] == [False, True, False]


def test_a_name_is_pinned_to_the_first_address_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        found = ["169.254.169.254", "192.0.2.7"] if host == "mixed" else ["169.254.169.254"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert Guard().resolve("mixed", 443) == (socket.AF_INET, "192.0.2.7", 443)
    with pytest.raises(SourceError, match='host "metadata": its address may not be dialled'):
        Guard().resolve("metadata", 80)


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(SourceError, match="cannot be resolved"):
        Guard().resolve("x" * 70 + ".invalid", 80)
    with pytest.raises(SourceError, match="no network"):
        Guard(deny=["ten"])


def test_of_two_networks_that_are_equal_the_allowed_one_counts() -> None:
    for network in ("10.0.0.0/8", "0.0.0.0/0"):
        assert Guard(allow=(network,), deny=(network,)).is_allowed("10.1.2.3")
