"""Which values of a file are encrypted: one of six rules, over the keys above a value or the comments beside it.

Where the original silently encrypts nothing, for a pattern that is none, this is an error. Source: sops.md section 4,
getsops/sops sops.go, shouldBeEncrypted.
"""

from collections.abc import Callable, Sequence

from sealer.sops.errors import Conflict, SopsError

SUFFIX_BY_DEFAULT = "_unencrypted"

RULES = (
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
"""The six rules by their names in metadata and `.sops.yaml`."""

_REMEMBERED = 100_000  # components; beyond that a file is no text by hand, and repeats itself less


class Selection:
    """The rule of one file, and whether its MAC covers only what is encrypted. Without a rule all is encrypted."""

    __slots__ = (
        "_known",
        "_match",
        "encrypts_matches",
        "is_by_comments",
        "mac_only_encrypted",
        "rule",
        "text",
        "texts",
    )

    def __init__(
        self,
        *,
        unencrypted_suffix: str = "",
        encrypted_suffix: str = "",
        unencrypted_regex: str = "",
        encrypted_regex: str = "",
        unencrypted_comment_regex: str = "",
        encrypted_comment_regex: str = "",
        mac_only_encrypted: bool = False,
    ) -> None:
        texts = (
            unencrypted_suffix,
            encrypted_suffix,
            unencrypted_regex,
            encrypted_regex,
            unencrypted_comment_regex,
            encrypted_comment_regex,
        )
        self.texts = {name: text for name, text in zip(RULES, texts, strict=True) if text}
        """The rules that are set, by name."""
        self.mac_only_encrypted = mac_only_encrypted
        self.rule = next(iter(self.texts), "")
        """The name of the rule, empty where there is none."""
        self.text = self.texts.get(self.rule, "")
        """Its suffix or pattern."""
        self.is_by_comments = self.rule.endswith("comment_regex")
        """Whether the rule looks at comments, so that a walk must carry them along."""
        self.encrypts_matches = self.rule.startswith("encrypted")
        """Whether the rule encrypts what it matches; otherwise it encrypts all else."""
        self._known: dict[str, bool] = {}
        self._match: Callable[[str], bool] | None = None

    def check(self) -> None:
        """Raises: Conflict for more than one rule, SopsError for a pattern that is not in Go's syntax."""
        if len(self.texts) > 1:
            raise Conflict(
                f"cannot use more than one of {', '.join(self.texts)} in the same file", "keep the one that is meant"
            )
        self._chosen()

    def or_default(self) -> "Selection":
        """This, or where nothing is set the rule that keeps values under keys in `_unencrypted` plain."""
        if self.texts:
            return self
        return Selection(unencrypted_suffix=SUFFIX_BY_DEFAULT, mac_only_encrypted=self.mac_only_encrypted)

    def matches(self, component: str) -> bool:
        """Whether the rule matches a key, or a comment's text. What is below a matching key goes with it.

        Raises: SopsError for a pattern that is not in Go's syntax.
        """
        known = self._known.get(component)
        if known is None:
            known = (self._match or self._chosen())(component)
            if len(self._known) < _REMEMBERED:
                self._known[component] = known
        return known

    def selects(
        self, path: Sequence[str], comments: Sequence[Sequence[str]] = ((),), *, is_comment: bool = False
    ) -> bool:
        """Whether a value is encrypted. `path` holds the keys from the root.

        `comments` holds, for each level from the root, the texts since the last item that is no comment. A comment
        (`is_comment`) is the last text of the last level itself, and its path is that of its container.

        Raises: SopsError for a pattern that is not in Go's syntax.
        """
        if not self.is_by_comments:
            return any(map(self.matches, path)) == self.encrypts_matches
        if is_comment and self.encrypts_matches:  # the comment that begins an encrypted part stays legible
            comments = [*comments[:-1], comments[-1][:-1]]
        return any(self.matches(text) for level in comments for text in level) == self.encrypts_matches

    def _chosen(self) -> Callable[[str], bool]:
        """How a component is matched, found out once for a file."""
        if not self.rule:
            self._match = _never
        elif self.rule.endswith("suffix"):
            self._match = _ending(self.text)
        else:
            self._match = _searching(self.rule, self.text)
        return self._match

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and (self.texts, self.mac_only_encrypted) == (
            other.texts,
            other.mac_only_encrypted,
        )

    __hash__ = None  # type: ignore[assignment]  # it remembers as it goes

    def __repr__(self) -> str:
        return f"Selection({self.texts!r}, mac_only_encrypted={self.mac_only_encrypted})"


def _never(_: str) -> bool:
    return False


def _ending(suffix: str) -> Callable[[str], bool]:
    return lambda component: component.endswith(suffix)


def _searching(rule: str, text: str) -> Callable[[str], bool]:
    """Raises: SopsError for a pattern that is not in Go's syntax."""
    from engine.patterns import PatternError, compiled, shown

    try:
        search = compiled(text).search
    except PatternError as error:
        raise SopsError(
            f"{rule}: no pattern in Go's syntax: {error}",
            "look-ahead, look-behind and back references do not exist there",
        ) from None
    return lambda component: search(shown(component)) is not None
