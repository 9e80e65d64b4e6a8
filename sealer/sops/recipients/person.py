"""What a key source may ask of a person. The command line answers at a terminal; a controller has nobody to ask."""

from typing import Protocol

from engine.sensitive import Sensitive


class Person(Protocol):
    """Somebody who sees prompts. None for an answer means that there is none."""

    def secret(self, prompt: str) -> Sensitive | None:
        """A passphrase or a PIN, not shown while it is typed."""

    def text(self, prompt: str) -> str | None:
        """An answer that is no secret."""

    def confirm(self, prompt: str, yes: str, no: str | None) -> bool | None:
        """One of two choices."""

    def tell(self, message: str) -> None:
        """Something to do or to know, such as a key to touch."""
