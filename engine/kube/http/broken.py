"""An exchange that did not end well: how far it got, and why, in words for people."""

import http.client
import socket
import ssl
from enum import Enum


class Stage(Enum):
    """How far a request got. The values are what a message says, with the server's address."""

    CONNECTING = "cannot reach {}"
    SENDING = "cannot send to {}"
    """The server has not got all of the request, so it cannot act on it."""
    WAITING = "no answer from {}"
    """All of the request left. Whether the server acted on it is unknown."""
    READING = "the answer of {} broke off"


class Broken(Exception):
    """Says why, without anything of the request or the answer."""

    def __init__(self, stage: Stage, why: str, hint: str | None = None, *, timed_out: bool = False) -> None:
        super().__init__(why)
        self.stage = stage
        self.why = why
        self.hint = hint
        self.timed_out = timed_out
        self.reused = False
        """The connection had served before, and the server may have closed it in the meantime."""

    @property
    def sent(self) -> bool:
        """Whether the server may have acted on the request."""
        return self.stage in (Stage.WAITING, Stage.READING)


def explain(error: OSError | http.client.HTTPException | ValueError, stage: Stage, timeout_seconds: float) -> Broken:
    """The words for what a socket, TLS or the HTTP parser reports. Texts of the parser quote the answer: not kept.

    ValueError is what the parser lets through for some malformed numbers.
    """
    if isinstance(error, TimeoutError):
        return Broken(stage, f"nothing came for {timeout_seconds:g} s", timed_out=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Broken(
            stage,
            f"its certificate is not trusted: {error.verify_message.rstrip('.').lower()}",
            "certificate-authority must be the cluster's own, and tls-server-name a name in the certificate",
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "handshake failed").lower().replace("_", " ")
        hint = (
            "does the server speak https there?"
            if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
            else None
        )
        return Broken(stage, f"tls: {reason}", hint)
    if isinstance(error, socket.gaierror):
        return Broken(stage, f"no such host ({error.strerror})")
    if isinstance(error, http.client.RemoteDisconnected):
        return Broken(stage, "the server closed the connection")
    if isinstance(error, OSError):
        return Broken(stage, (error.strerror or str(error) or type(error).__name__).lower())
    if isinstance(error, http.client.IncompleteRead):
        return Broken(stage, "it is not complete")
    return Broken(stage, f"it is no HTTP ({type(error).__name__})")
