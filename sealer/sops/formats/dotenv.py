r"""Lines of `KEY=value`, with nothing quoted and nothing trimmed; `\n` in a value stands for a line break.

Metadata are flattened items at the end, under names that begin with `sops_`.
Source: getsops/sops stores/dotenv/store.go.
"""

from sealer.sops.envelope import Envelope
from sealer.sops.errors import DocumentRefused, EnvelopeRefused, MetadataMissing, NotWritable
from sealer.sops.formats.base import LIMITS, check_size
from sealer.sops.formats.flat import flatten, text_of, unflatten
from sealer.sops.metadata import Metadata
from sealer.sops.tree import Branch, Branches, Comment, Value, to_bytes, to_text

_PREFIX = "sops_"


class Dotenv:
    """There is nothing to indent."""

    name = "dotenv"
    is_single_value = False

    def __init__(self, *, indent: int | None = None) -> None:
        del indent

    def read_plain(self, data: bytes) -> Branches:
        check_size(data)
        if data.count(b"\n") > LIMITS.nodes:
            raise DocumentRefused(f"more than {LIMITS.nodes} lines")
        branch = Branch()
        for number, line in enumerate(to_text(data).split("\n"), 1):
            if line.startswith("#"):
                branch.append((Comment(line[1:]), None))
            elif line:
                key, equals, value = line.partition("=")
                if not equals:
                    raise DocumentRefused(f"line {number}: neither KEY=VALUE nor a comment")
                branch.append((key, value.replace("\\n", "\n")))
        return [branch]

    def read_encrypted(self, data: bytes) -> Envelope:
        try:
            (branch,) = self.read_plain(data)
        except DocumentRefused as refusal:
            raise EnvelopeRefused(refusal.message) from None
        flat, plain = [], Branch()
        for key, value in branch:
            if isinstance(key, str) and key.startswith(_PREFIX):
                flat.append((key.removeprefix(_PREFIX), str(value)))
            else:
                plain.append((key, value))
        if not flat:
            raise MetadataMissing
        return Envelope([plain], Metadata.read(unflatten(flat)))

    def write_plain(self, branches: Branches) -> bytes:
        lines = []
        for key, value in branches[0]:
            if isinstance(key, Comment):
                lines.append(f"#{key.text}\n")
            elif isinstance(value, list):
                raise NotWritable(f"{key!a}: a dotenv file has no lists and no mappings")
            else:
                text = value.replace("\n", "\\n") if isinstance(value, str) else text_of(value)
                lines.append(f"{key}={text}\n")
        return to_bytes("".join(lines))

    def write_encrypted(self, envelope: Envelope) -> bytes:
        (branch,) = envelope.branches[:1]
        if self.is_encrypted([branch]):
            raise NotWritable(f"keys that begin with `{_PREFIX}` are reserved for metadata")
        return self.write_plain([Branch([*branch, *flatten(envelope.metadata.write(), _PREFIX)])])

    def write_value(self, value: Value) -> bytes:
        if not isinstance(value, str):
            raise NotWritable("a dotenv file has only strings")
        return to_bytes(value)

    def is_encrypted(self, branches: Branches) -> bool:
        return any(isinstance(key, str) and key.startswith(_PREFIX) for key, _ in branches[0])
