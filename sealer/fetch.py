"""Fetch a certificate by URL. Bounded in size and time; redirects cannot hand the choice of the key to somebody else.

Whoever answers decides which key the secrets are sealed for, so a redirect to another host is followed only when the
fingerprint of the key is compared afterwards, and one from https to http never.
"""

import time
from base64 import b64encode
from http.client import HTTPException, HTTPMessage
from io import BufferedIOBase
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sealer.certificates import without_password
from sealer.errors import CertificateError
from sealer.pem import MOST_BYTES


class _Refused(Exception):
    """A redirect that is not followed; the text says why."""


class _Redirects(HTTPRedirectHandler):
    max_redirections = 5

    def __init__(self, *, may_leave_host: bool) -> None:
        self._may_leave_host = may_leave_host

    def redirect_request(  # noqa: PLR0917  # the base class's signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        leaves_host = old.hostname != new.hostname and not self._may_leave_host
        loses_https = old.scheme == "https" and new.scheme != "https"
        if leaves_host or loses_https:
            fp.close()
            raise _Refused(f'redirected to another host, "{new.hostname}"' if leaves_host else "redirected to http")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, *, timeout_seconds: float, may_leave_host: bool) -> bytes:
    """The body behind an `http`, `https` or `file` URL. Proxies come from the usual environment variables.

    Raises: CertificateError, in the original's words for an answer other than 200.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme == "file":
            return _read_file(parts)
        return _get(parts, timeout_seconds, may_leave_host=may_leave_host)
    except HTTPError as error:
        reason = f"{error.code} {error.reason}"
        error.close()
    except _Refused as error:
        hint = "give --cert-fingerprint, or the URL it leads to"
        raise CertificateError(f'cannot fetch "{without_password(url)}": {error}', hint) from error
    except URLError as error:
        cause = error.reason
        reason = cause.strerror.lower() if isinstance(cause, OSError) and cause.strerror else str(cause)
    except TimeoutError:
        reason = f"no complete answer within {timeout_seconds:g} s"
    except FileNotFoundError:
        reason = "404 Not Found"  # as the original says it of a file, too
    except (OSError, HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
    raise CertificateError(f'cannot fetch "{without_password(url)}": {reason}')


def _get(parts: SplitResult, timeout_seconds: float, *, may_leave_host: bool) -> bytes:
    deadline = time.monotonic() + timeout_seconds
    request = Request(without_password(urlunsplit(parts)))  # noqa: S310  # only http and https come here
    request.add_header("Accept", "application/x-pem-file, */*")
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", "Basic " + b64encode(login.encode()).decode())
    opener = build_opener(_Redirects(may_leave_host=may_leave_host))
    with opener.open(request, timeout=timeout_seconds) as answer:
        if answer.status != 200:
            raise HTTPError(request.full_url, answer.status, answer.reason, answer.headers, None)
        return read_body(answer, MOST_BYTES, until=deadline)


def read_body(answer: BufferedIOBase, most_bytes: int, *, until: float) -> bytes:
    """The body of an answer; `until` is a time of the monotonic clock.

    Raises: ValueError for one that is larger, TimeoutError for one that is not there by then, OSError, HTTPException.
    """
    body = b""
    while chunk := answer.read1(1 << 16):
        body += chunk
        if len(body) > most_bytes:
            raise ValueError(f"the answer is larger than {most_bytes} bytes")
        if time.monotonic() > until:  # each read has its own time limit, so a slow drip would go on for ever
            raise TimeoutError
    return body


def _read_file(parts: SplitResult) -> bytes:
    if parts.hostname not in (None, "localhost"):
        raise ValueError(f'a file URL cannot name the host "{parts.hostname}"')
    with open(unquote(parts.path), "rb") as file:  # noqa: PTH123  # as in sealer.certificates
        return file.read(MOST_BYTES + 1)
