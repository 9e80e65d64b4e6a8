"""What a repository's refs are at, asked over HTTP without a child process: one small request, a few milliseconds.

Protocol version 2 answers for the asked prefixes only. A server without it sends all refs (versions 0 and 1), which
are filtered here. Where a repository lives now and whether its server knows version 2 is remembered, so that the
next question is one POST. Source: gitprotocol-v2(5), gitprotocol-http(5).
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urljoin

from engine.git.access import Access
from engine.git.child import GitError
from engine.git.pktline import DELIMITER, FLUSH, FramingError, line, lines
from engine.git.wire import Answer, Resolver, WireError, exchange, origin_of

AGENT: Final = "git/kseal"
"""Some hosts answer only to names that begin like git's own."""
LARGEST: Final = 32 << 20
"""Bytes of an answer: some 400 000 refs."""
_REDIRECTS: Final = 5
_REMEMBERED: Final = 4_096
_SERVICE: Final = "/info/refs?service=git-upload-pack"
_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
_RESULT: Final = "application/x-git-upload-pack-result"
_ID: Final = re.compile(rb"[0-9a-f]{40}")
_PEELED: Final = "^{}"
_REFUSED: Final = {401: "authentication required", 403: "authorization failed", 404: "repository not found"}


class Ref(NamedTuple):
    """A ref of a repository elsewhere."""

    id: str
    """40 hex digits: of a commit, or of an annotated tag."""
    peeled: str | None
    """What the annotated tag is of."""

    @property
    def commit(self) -> str:
        return self.peeled or self.id


Refs = Mapping[str, Ref]
"""By full name, such as `refs/heads/main`."""


class Place(NamedTuple):
    """Where a repository answers, after redirects, and how."""

    url: str
    knows_v2: bool


class RefLister:
    """Asks for refs over HTTP. Thread-safe; keeps no connection and no credential."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._places: OrderedDict[tuple[str, bytes], Place] = OrderedDict()
        self._lock = threading.Lock()

    def list(self, access: Access, prefixes: Sequence[str], *, timeout_seconds: float) -> Refs:
        """All refs whose full name begins with one of the prefixes; all there are for no prefix.

        Raises: GitError when the repository cannot be asked; what the resolver raises.
        """
        place = self._remembered(access)
        if place is not None and place.knows_v2:
            answer = self._ask_v2(access, place.url, prefixes, timeout_seconds)
            if answer.status == 200 and answer.headers.get_content_type() == _RESULT:
                return _refs_v2(answer.body)
            self._forget(access)  # it moved, or its server changed: look anew
        place, answer = self._look(access, timeout_seconds)
        if not place.knows_v2:
            return _within(_refs_v0(answer.body), prefixes)
        answer = self._ask_v2(access, place.url, prefixes, timeout_seconds)
        _check(answer, _RESULT)
        return _refs_v2(answer.body)

    def place(self, access: Access, *, timeout_seconds: float) -> str:
        """The URL at which the repository answers, redirects followed. Raises: GitError."""
        return (self._remembered(access) or self._look(access, timeout_seconds)[0]).url

    def _ask_v2(self, access: Access, url: str, prefixes: Sequence[str], timeout_seconds: float) -> Answer:
        body = line("command=ls-refs") + line(f"agent={AGENT}") + line("object-format=sha1") + DELIMITER
        body += line("peel") + b"".join(line(f"ref-prefix {prefix}") for prefix in prefixes) + FLUSH
        headers = {"Content-Type": "application/x-git-upload-pack-request", "Accept": _RESULT}
        return self._exchange(access, f"{url}/git-upload-pack", headers, body, timeout_seconds)

    def _look(self, access: Access, timeout_seconds: float) -> tuple[Place, Answer]:
        """The advertisement, wherever redirects lead: to another place of the same form, never from https to http."""
        url = access.url
        for _ in range(_REDIRECTS):
            answer = self._exchange(access, url + _SERVICE, {"Accept": "*/*"}, None, timeout_seconds)
            if answer.status not in (301, 302, 303, 307, 308):
                _check(answer, _ADVERTISEMENT)
                place = Place(url, _knows_v2(answer.body))
                self._remember(access, place)
                return place, answer
            try:
                url = _moved(url, answer.headers.get("Location", ""))
            except WireError as error:
                raise GitError(f"the redirect leads nowhere: {error.message}") from error
        raise GitError("too many redirects")

    def _exchange(
        self, access: Access, url: str, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> Answer:
        sent = {"User-Agent": AGENT, "Git-Protocol": "version=2", **headers, **access.headers(url)}
        try:
            return exchange(
                "GET" if body is None else "POST",
                url,
                route=access.route(url, self._resolver),
                headers=sent,
                body=body,
                timeout_seconds=timeout_seconds,
                size_limit=LARGEST,
            )
        except WireError as error:
            raise GitError(error.message, error.hint) from error

    def _remembered(self, access: Access) -> Place | None:
        with self._lock:
            return self._places.get((access.url, access.fingerprint))

    def _remember(self, access: Access, place: Place) -> None:
        with self._lock:
            self._places[access.url, access.fingerprint] = place
            while len(self._places) > _REMEMBERED:
                self._places.popitem(last=False)

    def _forget(self, access: Access) -> None:
        with self._lock:
            self._places.pop((access.url, access.fingerprint), None)


def refs_of_lines(output: bytes) -> Refs:
    """What `git ls-remote` prints: id, tab, name; `name^{}` for what an annotated tag is of. Raises: GitError."""
    return _paired(entry.partition(b"\t")[::2] for entry in output.splitlines())


def _check(answer: Answer, content_type: str) -> None:
    if answer.status != 200:
        raise GitError(
            _REFUSED.get(answer.status, f"the server answered {answer.status}"),
            "does the Secret of the source hold valid credentials?" if answer.status in (401, 403) else None,
        )
    if answer.headers.get_content_type() != content_type:
        raise GitError("what answers there is no Git repository", "is the URL that of a repository?")


def _moved(url: str, location: str) -> str:
    target = urljoin(url + _SERVICE, location)
    if not target.endswith(_SERVICE):
        raise GitError("the redirect leads to something else than a repository")
    old, new = origin_of(url), origin_of(target)
    if new.scheme not in ("http", "https") or (old.scheme == "https" and new.scheme != "https"):
        raise GitError(
            "the redirect leads to a place that is not as safe", "use the URL to which it leads, if you trust it"
        )
    if "@" in target.partition("://")[2].partition("/")[0]:
        raise GitError("the redirect has credentials in it")
    return target.removesuffix(_SERVICE)


def _knows_v2(body: bytes) -> bool:
    return next((each for each in _content(body) if not each.startswith(b"# service=")), b"") == b"version 2"


def _refs_v2(body: bytes) -> Refs:
    found = {}
    for each in _content(body):
        if each.startswith(b"ERR "):
            raise GitError("the server refused to list refs")
        words = each.split(b" ")
        if len(words) < 2 or words[0] == b"unborn":
            continue
        peeled = next((word[7:] for word in words[2:] if word.startswith(b"peeled:")), None)
        found[_text(words[1])] = Ref(_id(words[0]), None if peeled is None else _id(peeled))
    return found


def _refs_v0(body: bytes) -> Refs:
    entries = (each.partition(b"\0")[0] for each in _content(body))
    pairs = (each.partition(b" ")[::2] for each in entries if not each.startswith((b"# ", b"version ", b"shallow ")))
    return _paired(pair for pair in pairs if pair[1] != b"capabilities^{}")


def _paired(entries: Iterable[tuple[bytes, bytes]]) -> Refs:
    found: dict[str, Ref] = {}
    for written, raw in entries:
        name = _text(raw)
        if not name.endswith(_PEELED):
            found[name] = Ref(_id(written), None)
        elif (known := found.get(name.removesuffix(_PEELED))) is not None:
            found[name.removesuffix(_PEELED)] = Ref(known.id, _id(written))
    return found


def _within(refs: Refs, prefixes: Sequence[str]) -> Refs:
    return {name: ref for name, ref in refs.items() if not prefixes or name.startswith(tuple(prefixes))}


def _content(body: bytes) -> Iterator[bytes]:
    try:
        yield from (each for each in lines(body) if each is not None)
    except FramingError as error:
        raise GitError(error.message) from error


def _id(written: bytes) -> str:
    if not _ID.fullmatch(written):
        raise GitError("the ids of its objects are not SHA-1", "repositories with another object format are not read")
    return written.decode()


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
