"""The two questions that a kubelet asks: is the process alive, and is it ready for work."""

from collections.abc import Callable
from http import HTTPStatus

from controller.runtime.http import Handler, Route
from controller.runtime.httpwire import Request, Response, text

Check = Callable[[], str | None]
"""None when all is well, else one line that says what is not, free of any content."""


def probes(*, alive: Check, ready: Check) -> list[Route]:
    """`/healthz`, as the original answers it: a process that is not alive gets restarted. `/readyz` is ours."""
    return [
        Route("GET", "/healthz", _answer(alive), is_observed=False),
        Route("GET", "/readyz", _answer(ready), is_observed=False),
    ]


def _answer(check: Check) -> Handler:
    def handler(_: Request) -> Response:
        trouble = check()
        return text(HTTPStatus.OK, "ok") if trouble is None else text(HTTPStatus.SERVICE_UNAVAILABLE, trouble)

    return handler
