"""Coming up in steps that fail at first."""

import threading
from typing import Any

import pytest

from controller.runtime.startup import Startup
from engine.errors import NotReady


class Log:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.said.append((event, fields))


def failing(times: int, error: Exception) -> Any:
    left = [times]

    def step() -> None:
        if left[0]:
            left[0] -= 1
            raise error

    return step


def test_a_step_is_repeated_until_it_succeeds_and_its_trouble_is_said_once() -> None:
    log = Log()
    startup = Startup(log)
    assert startup.run([failing(3, NotReady("no CRD", "install it", retry_after=0.0))])
    assert [fields["cause"] for _, fields in log.said] == ["no CRD"]
    startup.done()
    assert startup.waits_for is None


def test_a_defect_in_a_step_is_said_by_its_type_and_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.runtime.startup._FIRST_PAUSE", 0.01)
    log = Log()
    startup = Startup(log)
    assert startup.run([failing(1, KeyError("hunter2"))])
    ((_, fields),) = log.said
    assert fields["cause"] == "a defect: KeyError"


def test_it_ends_when_the_process_does() -> None:
    startup = Startup(Log())
    ended: list[bool] = []
    running = threading.Thread(target=lambda: ended.append(startup.run([failing(10**9, NotReady("never"))])))
    running.start()
    startup.stop()
    running.join(5)
    assert ended == [False]
    assert startup.waits_for is not None
    assert startup.waits_for.message == "stopping"


def test_what_is_waited_for_is_said_meanwhile() -> None:
    startup = Startup(Log())
    seen: list[str] = []

    def is_done(_: float) -> bool:
        seen.append(startup.waits_for.message if startup.waits_for else "")
        return len(seen) == 2

    startup.wait(is_done, lambda: "a list is being read")
    assert seen == ["starting", "a list is being read"]
