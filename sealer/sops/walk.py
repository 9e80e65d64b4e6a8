"""Through a document in its order, value by value: which keys lead there, and whether the rule selects it.

What is selected follows from two things that are carried along instead of whole paths: whether a match lies above, and
whether one is in the comments since the last item. Source: getsops/sops sops.go, walkBranch, walkSlice and
shouldBeEncrypted.
"""

from collections.abc import Callable

from sealer.sops.cipher import ValueRefused
from sealer.sops.selection import Selection
from sealer.sops.tree import Branch, Branches, Comment, Scalar, Value

Leaf = Callable[[Scalar | Comment, bytes, bool], Scalar | Comment]
"""What is done with a value or a comment: given with its additional data, and whether it is selected."""


_PATHS = 1 << 30
"""Bytes of additional data for one document: each value costs the length of all keys above it, so that a few long keys
over many values would take hours."""


class WalkRefused(Exception):
    """A value was refused; `path` leads to it from the end: its key or index, that of its container, and so on."""

    def __init__(self, reason: str, last: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = [last]

    def where(self) -> str:
        """The path as `--extract` takes it: `["a"][0]`."""
        return "".join(reversed(self.path)) or "the document"


def walk(branches: Branches, selection: Selection, leaf: Leaf) -> Branches:
    """New branches, with `leaf` applied to all that is neither null nor a container. Raises: WalkRefused."""
    walker = _Walker(selection, leaf)
    return [walker.branch(branch, b"", False) for branch in branches]


class _Walker:
    __slots__ = ("by_comments", "encrypts", "leaf", "matches", "paths")

    def __init__(self, selection: Selection, leaf: Leaf) -> None:
        self.leaf = leaf
        self.matches = selection.matches
        self.by_comments = selection.is_by_comments
        self.encrypts = selection.encrypts_matches
        self.paths = _PATHS

    def branch(self, items: Branch, prefix: bytes, above: bool) -> Branch:
        """`above`: a key that leads here, or a comment that covers it, matches."""
        done = Branch()
        append, leaf, matches = done.append, self.leaf, self.matches
        by_comments, encrypts = self.by_comments, self.encrypts
        run = False
        for key, value in items:
            try:
                if isinstance(key, Comment):
                    comment, run = self.comment(key, prefix, above, run)
                    append((comment if isinstance(comment, Comment) else Comment(str(comment), key.inline), None))
                    continue
                result = value
                if value is not None:
                    aad = b"%b%b:" % (prefix, key.encode("utf-8", "surrogateescape"))
                    matched = above or (run if by_comments else matches(key))
                    if isinstance(value, list):
                        result = self.container(value, aad, matched)
                    else:
                        result = leaf(value, aad, matched == encrypts)
            except ValueRefused as refusal:
                raise WalkRefused(str(refusal), step(key)) from None
            except WalkRefused as refusal:
                refusal.path.append(step(key))
                raise
            append((key, result))
            run = False
        return done

    def items(self, items: list[Value], prefix: bytes, above: bool) -> list[Value]:
        done: list[Value] = []
        run = False
        for index, item in enumerate(items):
            try:
                if isinstance(item, Comment):
                    comment, run = self.comment(item, prefix, above, run)
                    done.append(comment)
                    continue
                matched = above or (run and self.by_comments)
                result: Value = item
                if isinstance(item, list):
                    result = self.container(item, prefix, matched)
                elif item is not None:
                    result = self.leaf(item, prefix, matched == self.encrypts)
            except ValueRefused as refusal:
                raise WalkRefused(str(refusal), f"[{index}]") from None
            except WalkRefused as refusal:
                refusal.path.append(f"[{index}]")
                raise
            # A comment that was encrypted stands in a list as a string. The original ends the run of comments at it
            # when decrypting but not when encrypting, and then cannot read what it wrote.
            run = run and isinstance(result, Comment)
            done.append(result)
        return done

    def container(self, value: Branch | list[Value], aad: bytes, matched: bool) -> Branch | list[Value]:
        self.paths -= len(aad) * len(value)
        if self.paths < 0:
            raise ValueRefused("the keys that lead here are too long for so many values")
        return self.branch(value, aad, matched) if isinstance(value, Branch) else self.items(value, aad, matched)

    def comment(self, comment: Comment, prefix: bytes, above: bool, run: bool) -> tuple[Comment | Scalar, bool]:
        """What becomes of a comment, and whether one of the run matches now.

        One that begins an encrypted part is not in it; one that begins a plain part is.
        """
        matched = above or run
        if self.by_comments:
            run = run or self.matches(comment.text)
            matched = matched or (run and not self.encrypts)
        return self.leaf(comment, prefix or b":", matched == self.encrypts), run


def step(key: str | Comment) -> str:
    """A key in a message: short, and without characters that a terminal obeys."""
    if isinstance(key, Comment):
        return " a comment"
    shown = key if key.isprintable() else ascii(key)[1:-1]
    return f'["{shown if len(shown) <= 60 else shown[:57] + "..."}"]'
