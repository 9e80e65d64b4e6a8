"""What a plug-in for the outside world offers. Protocols, so that a stranger's plug-in needs no import of ours.

Each is made by one call with an environment, `make(environ)`: the person's own, or one that holds the credentials of a
Secret under the names that the service's own tools read. A library's defaults count for whatever it does not say.
"""

from collections.abc import Mapping
from typing import Any, Protocol


class WrappingKey(Protocol):
    """A key that stays with a service, and a data key under it. The names of its fields are those of SOPS metadata."""

    @property
    def enc(self) -> str:
        """The wrapped data key as text."""

    @property
    def context(self) -> Mapping[str, str]:
        """What is bound to the data key and has to be said again to unwrap it; for AWS KMS."""

    def text(self, name: str) -> str:
        """A field by its name, empty when it is absent."""


class KeyService(Protocol):
    """Wraps and unwraps data keys with keys of one kind. Used by several threads at once; ends within a minute."""

    def wrap(self, key: WrappingKey, data: bytes) -> str:
        """`data` under `key`, as text. Raises: one of providers.errors."""

    def unwrap(self, key: WrappingKey) -> bytes:
        """What `key.enc` holds. Raises: one of providers.errors, none of which carries key material."""


class Destination(Protocol):
    """Where files are published to, made by `make(environ, fields)`; the fields are those of the rule that names it."""

    takes_values: bool
    """Whether it takes the plain values of a file; else it takes the encrypted file."""

    def place(self, name: str) -> str:
        """Where a name goes, as a person sees it."""

    def put(self, name: str, content: bytes | Mapping[str, Any]) -> bool:
        """Publish under a name; False when just that is there already. Raises: one of providers.errors."""
