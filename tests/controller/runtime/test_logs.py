"""Log lines as text and JSON, their streams, and what libraries and crashes may say."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from controller.runtime import logs
from engine.errors import KsealError

NOW = datetime(2026, 7, 29, 12, 30, 45, 678_901, tzinfo=UTC)
PLANT = "hunter2-planted"


class Captured:
    def __init__(self, **options: Any) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        logs.configure(stdout=self.out, stderr=self.err, now=lambda: NOW, **options)

    @property
    def all(self) -> str:
        return self.out.getvalue() + self.err.getvalue()


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers, level = list(logging.root.handlers), logging.root.level
    hooks = sys.excepthook, threading.excepthook
    yield
    logging.captureWarnings(False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()


def test_text_lines_have_the_form_of_slog() -> None:
    captured = Captured()
    logs.get().info("unsealed", ref="SealedSecret/shop/db", action="created", seconds=0.25, changed=True, cause=None)
    assert captured.out.getvalue() == (
        "time=2026-07-29T12:30:45.678Z level=INFO msg=unsealed ref=SealedSecret/shop/db action=created "
        "seconds=0.25 changed=true cause=<nil>\n"
    )


def test_an_error_without_a_cure_has_no_hint() -> None:
    captured = Captured()
    logs.get().info("not applied", cause="refused", hint=None)
    assert captured.out.getvalue().endswith(' msg="not applied" cause=refused\n')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "x"', r'"say \"x\""'),
        ("a\nlevel=ERROR", r'"a\nlevel=ERROR"'),
        ("\x1b[31mred", r'"\x1b[31mred"'),
        ("a\\b", r'"a\\b"'),
        ("bidi\u202e", r'"bidi\u202e"'),
        ("größe", "größe"),
        (["a", 1], r'"[\"a\",1]"'),
    ],
)
def test_no_value_can_pass_for_a_line_or_a_field(value: object, text: str) -> None:
    captured = Captured()
    logs.get().info("x", value=value)
    assert captured.out.getvalue().endswith(f" value={text}\n")
    assert captured.out.getvalue().count("\n") == 1


def test_json_lines_are_objects() -> None:
    captured = Captured(format="json")
    logs.get(component="keys").warning("not ready", tries=3, ref="a\nb")
    assert json.loads(captured.err.getvalue()) == {
        "time": "2026-07-29T12:30:45.678901Z",
        "level": "WARN",
        "msg": "not ready",
        "component": "keys",
        "tries": 3,
        "ref": "a\nb",
    }


@pytest.mark.parametrize("info_to_stdout", [True, False])
def test_the_streams_follow_the_level_and_the_flag(info_to_stdout: bool) -> None:
    captured = Captured(level="debug", info_to_stdout=info_to_stdout)
    log = logs.get()
    for write in (log.debug, log.info, log.warning, log.error):
        write("x")
    assert captured.out.getvalue().count("\n") == (2 if info_to_stdout else 0)
    assert captured.err.getvalue().count("\n") == (2 if info_to_stdout else 4)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("DEBUG", logging.DEBUG),
        ("info", logging.INFO),
        ("Warn", logging.WARNING),
        ("ERROR", logging.ERROR),
        ("INFO+1", logging.WARNING),
        ("debug-4", logging.DEBUG),
        ("ERROR+4", logging.CRITICAL),
        ("", logging.INFO),
        ("loud", logging.INFO),
        ("INFO+", logging.INFO),
    ],
)
def test_levels_are_read_leniently(text: str, level: int) -> None:
    assert logs.parse_level(text) == level


def test_lower_levels_are_left_out() -> None:
    captured = Captured(level="WARN")
    logs.get().info("x")
    assert captured.all == ""


@pytest.mark.parametrize("format_", ["text", "json"])
def test_planted_values_do_not_come_out(format_: str) -> None:
    captured = Captured(format=format_)
    try:
        raise ValueError(PLANT)
    except ValueError:
        logs.get(token=PLANT).error("x", data={"a": PLANT}, secret={"stringData": {"a": PLANT}}, exc_info=True)
        logs.get().error("y", value=PLANT.encode(), error=sys.exc_info()[1])
        logging.getLogger("library").exception("failed on %s", PLANT)
    logging.getLogger("library").error("failed: %s", ValueError(PLANT))
    assert PLANT not in captured.all
    assert captured.all.count("\n") == 4
    assert "ValueError at runtime/test_logs.py:" in captured.all


def test_our_own_errors_speak() -> None:
    captured = Captured()
    logs.get().error("not unsealed", error=KsealError("Secret/shop/db: broken", "mend it"))
    assert 'error="Secret/shop/db: broken"' in captured.err.getvalue()


def test_libraries_are_heard_from_warning_on_briefly_and_not_the_same_again_and_again() -> None:
    captured = Captured()
    library = logging.getLogger("library.part")
    library.info("chat")
    for number in range(5):
        library.warning("trouble %d %s", number, "x" * 1000)
    (line,) = captured.all.splitlines()
    assert "level=WARN msg=library logger=library.part" in line
    assert "trouble 0" in line
    assert len(line) < 500


def test_a_library_s_broken_format_string_breaks_nothing() -> None:
    captured = Captured()
    logging.getLogger("library").warning("%d things", "many")
    assert '"%d things"' in captured.all


def test_a_thread_that_dies_shows_no_text_of_its_exception() -> None:
    captured = Captured()

    def die() -> None:
        raise ValueError(PLANT)

    thread = threading.Thread(target=die, name="worker-7")
    thread.start()
    thread.join()
    assert PLANT not in captured.all
    assert 'msg="uncaught exception" thread=worker-7 error="ValueError at runtime/test_logs.py:' in captured.all


def test_the_main_thread_s_last_exception_shows_no_text() -> None:
    captured = Captured()
    sys.excepthook(ValueError, ValueError(PLANT), None)
    assert PLANT not in captured.all
    assert "error=ValueError" in captured.all


def test_a_closed_stream_stops_nobody() -> None:
    captured = Captured()
    captured.out.close()
    logs.get().info("x")


def test_fields_bound_for_a_reconcile_are_in_each_line() -> None:
    captured = Captured()
    with structlog.contextvars.bound_contextvars(ref="SealedSecret/shop/db"):
        logs.get().info("a")
    logs.get().info("b")
    first, second = captured.out.getvalue().splitlines()
    assert "ref=SealedSecret/shop/db" in first
    assert "ref=" not in second
