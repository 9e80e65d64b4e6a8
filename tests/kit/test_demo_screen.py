"""The demo's screen: what people see, and that it harms no terminal."""

import io
import os
import pty
from collections.abc import Mapping

import pytest

from tests.kit.demo_screen import Screen


def _on_terminal(environ: Mapping[str, str]) -> str:
    """What a terminal is sent for one step."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as out:
        with Screen.of(out, environ).step("Work"):
            pass
        out.flush()
        return os.read(ours, 4096).decode()


def test_steps_are_numbered_and_end_with_result_and_time() -> None:
    out = io.StringIO()
    screen = Screen(out)
    for title in ("First", "Second"):
        with screen.step(title) as step:
            screen.command("ls")
            screen.output("a\nb\n")
            step.result = f"{title} done"
    first, second = out.getvalue().split("\n\n")
    assert first.splitlines()[1:] == [" 1. First", "    $ ls", "        a", "        b", "    ok in 0.0 s: First done"]
    assert second.splitlines()[0] == " 2. Second"


def test_a_failed_step_says_so() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="x"), Screen(out).step("Work"):
        raise ValueError("x")
    assert "failed after 0.0 s" in out.getvalue()


@pytest.mark.parametrize(
    ("environ", "is_coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(environ: dict[str, str], is_coloured: bool) -> None:
    assert ("\x1b[" in _on_terminal(environ)) is is_coloured


def test_a_file_gets_no_colours() -> None:
    out = io.StringIO()
    Screen.of(out, {"TERM": "xterm"}).part("Part")
    assert "\x1b" not in out.getvalue()


def test_output_is_cut_and_made_harmless() -> None:
    out = io.StringIO()
    Screen(out, width=20).output("x" * 50 + "\n\x1b[2Jgone\n" + "line\n" * 30)
    shown = out.getvalue().splitlines()
    assert shown[0] == "        xxxxxxxxx..."
    assert shown[1] == "        ?[2Jgone"
    assert shown[-1] == "        ... 18 more lines"
