"""Takes the time of changes in the cluster when the API server announces them."""

import queue
import threading
import time
from types import TracebackType
from typing import Final, Self

from tests.kit.demo_shell import CommandFailed, Shell
from tests.kit.process import Nest, Process

_LIMIT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.002
_LINE_END: Final = '{{"\\n"}}'


class Watch:
    """Takes the time of each change of one object when the API server announces it, however long commands take."""

    def __init__(
        self,
        nest: Nest,
        shell: Shell,
        controller: Process,
        *,
        namespace: str,
        resource: str,
        name: str,
        template: str,
    ) -> None:
        """`template` is what of the object is looked at, in Go's form."""
        command = ["kubectl", "get", resource, "--namespace", namespace, f"--field-selector=metadata.name={name}"]
        command += ["--watch", f"--output=go-template={template}{_LINE_END}"]
        self._resource, self._controller = resource, controller
        self._process = nest.start(f"watch-{resource}", command, env=shell.environ)
        self._seen: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
        self._is_over = threading.Event()
        threading.Thread(target=self._follow, name="watch", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()

    def time_of(self, value: str) -> float:
        """When the next value was announced, on the monotonic clock.

        Raises: CommandFailed with the controller's log when it is another one, or none comes.
        """
        try:
            found, moment = self._seen.get(timeout=_LIMIT_SECONDS)
        except queue.Empty as error:
            raise CommandFailed(self._explained(f"no change within {_LIMIT_SECONDS:.0f} s")) from error
        if found != value:
            raise CommandFailed(self._explained(f'"{found}" came, not "{value}"'))
        return moment

    def _explained(self, what: str) -> str:
        return f"{self._resource}: {what}; end of the controller's log:\n{self._controller.log_tail()}"

    def _follow(self) -> None:
        count = 0
        while not self._is_over.wait(_POLL_SECONDS):
            lines = self._process.log.read_text().split("\n")[:-1]  # the last one is still being written
            for line in lines[count:]:
                self._seen.put((line, time.monotonic()))
            count = len(lines)


def said(seconds: float) -> str:
    """With two digits: what is watched is read each 2 ms, when the machine has time for it."""
    return f"{seconds:.2f} s" if seconds > 0.01 else "less than 0.01 s"
