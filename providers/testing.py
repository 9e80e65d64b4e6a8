"""The exam that every plug-in passes, ours or a stranger's: call it from a test with a real service behind it."""

from collections.abc import Callable

from providers.base import KeyService, WrappingKey
from providers.errors import Denied, Misconfigured, NotFound, Throttled, Unavailable

_ERRORS = (NotFound, Denied, Misconfigured, Throttled, Unavailable)
_DATA_KEY = b"exam: 32 bytes of a data key....."[:32]
_SHARE = _DATA_KEY + b"\x01"


def exercise_key_service(
    service: KeyService, key: Callable[[str], WrappingKey], missing: Callable[[str], WrappingKey]
) -> None:
    """Wrap and unwrap with an existing key and a missing one. Each is made from its `enc`.

    Raises: AssertionError that says which promise is not kept.
    """
    for data in (_DATA_KEY, _SHARE):
        wrapped = service.wrap(key(""), data)
        assert isinstance(wrapped, str), "a wrapped key is text"
        assert service.unwrap(key(wrapped)) == data, "what was wrapped does not come back"
        assert service.wrap(key(""), data) != wrapped, "the same data key is wrapped to the same text twice"
    enc = service.wrap(key(""), _DATA_KEY)
    _refused(
        lambda: service.unwrap(key(enc[:-8] + ("AAAAAAAA" if enc[-8:] != "AAAAAAAA" else "BBBBBBBB"))), "a changed key"
    )
    _refused(lambda: service.unwrap(key("")), "an empty one")
    _refused(lambda: service.unwrap(key("not \x00 a wrapped key é")), "what is none")
    _refused(lambda: service.wrap(missing(""), _DATA_KEY), "a key that does not exist")
    _refused(lambda: service.unwrap(missing(enc)), "a key that does not exist")


def _refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except _ERRORS as error:
        said = f"{error} {error.hint}"
        assert _DATA_KEY.decode() not in said, f"the error on {what} has the data key in it"
    else:
        raise AssertionError(f"{what} was not refused")
