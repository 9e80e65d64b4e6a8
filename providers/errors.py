"""What a service of the outside world can answer, in five kinds, whichever library asked it.

KsealError
├── Stalled
│   ├── NotFound         the service does not have what was asked for
│   ├── Denied           it does not let us
│   └── Misconfigured    what we ask makes no sense there: an address, a name, a setting, damaged input
└── NotReady
    ├── Throttled        it wants to be asked less often
    └── Unavailable      it does not answer, or not sensibly

A message names the key or the address, and at most the service's own words on it, shortened; never what was sent.
"""

from engine.errors import NotReady, Stalled

_LIMIT_CHARACTERS = 300
UNREACHED = "see that it runs and can be reached from here; HTTPS_PROXY and NO_PROXY count"
"""What to do when a service does not answer at all."""


class NotFound(Stalled):
    """A key, a store or a value does not exist, or not for us."""


class Denied(Stalled):
    """Credentials are wrong, expired, or not allowed to do this."""


class Misconfigured(Stalled):
    """A setting, a name or an input that cannot work."""


class Throttled(NotReady):
    """Too many requests."""


class Unavailable(NotReady):
    """No answer in time, no connection, or a failure of the service itself."""


def words(text: str) -> str:
    """A service's own words, or a name out of a file: on one line, printable and short."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LIMIT_CHARACTERS else f"{line[:_LIMIT_CHARACTERS]}…"
