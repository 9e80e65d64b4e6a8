"""What a person sees on standard error."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealer.cli import terminal
from sealer.cli.terminal import Terminal, escape_data, printable


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_each_line_says_who_speaks_and_how_grave_it_is() -> None:
    screen = Screen()
    speaker = Terminal({}, stream=screen, is_verbose=True)
    speaker.error("it broke", "mend it")
    speaker.warning("it may break", "look")
    speaker.info("it works")
    assert screen.getvalue() == (
        "kseal: error: it broke\nkseal: hint: mend it\n"
        "kseal: warning: it may break\nkseal: hint: look\nkseal: info: it works\n"
    )


def test_quiet_leaves_errors_only() -> None:
    screen = Screen()
    speaker = Terminal({}, stream=screen, is_quiet=True, is_verbose=True)
    speaker.error("it broke", "mend it")
    speaker.warning("it may break", "look")
    speaker.info("it works")
    assert screen.getvalue() == "kseal: error: it broke\n"


@pytest.mark.parametrize(
    ("environ", "colour", "is_terminal", "is_coloured"),
    [
        ({}, "auto", True, True),
        ({}, "auto", False, False),
        ({"NO_COLOR": "1"}, "auto", True, False),
        ({"NO_COLOR": ""}, "auto", True, True),
        ({"TERM": "dumb"}, "auto", True, False),
        ({"NO_COLOR": "1"}, "always", False, True),
        ({}, "never", True, False),
    ],
)
def test_colours_follow_the_terminal_and_the_person(
    environ: dict[str, str], colour: str, *, is_terminal: bool, is_coloured: bool
) -> None:
    screen = Screen(is_terminal=is_terminal)
    Terminal(environ, colour=colour, stream=screen).error("x")
    assert ("\x1b[31;1merror:" in screen.getvalue()) is is_coloured


def test_a_hostile_name_cannot_steer_the_terminal() -> None:
    screen = Screen(is_terminal=True)
    Terminal({"NO_COLOR": "1"}, stream=screen).error("no \x1b[2J file\r\nkseal: all is well \u202e \udc80 é")
    assert screen.getvalue() == "kseal: error: no \\x1b[2J file\\r\\nkseal: all is well \\u202e \\udc80 é\n"


@given(st.text())
def test_messages_are_one_printable_line(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text())
def test_data_for_a_terminal_keeps_its_lines_and_loses_its_control_characters(text: str) -> None:
    shown = escape_data(text)
    assert shown.count("\n") == text.count("\n")
    assert not any((c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" for c in shown)


def test_progress_waits_for_a_second_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    screen = Screen(is_terminal=True)
    progress = Terminal({}, stream=screen).progress("sealing", 3)
    progress.step()
    assert screen.getvalue() == ""
    now[0] = 1.5
    progress.step()
    assert screen.getvalue() == "\r\x1b[Kkseal: sealing 2 of 3"
    progress.step()
    assert "3 of 3" not in screen.getvalue()
    progress.end()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_messages_replace_the_progress_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PROGRESS_AFTER_SECONDS", 0.0)
    screen = Screen(is_terminal=True)
    speaker = Terminal({"NO_COLOR": "1"}, stream=screen)
    speaker.progress("sealing", 2).step()
    speaker.warning("look")
    assert screen.getvalue() == "\r\x1b[Kkseal: sealing 1 of 2\r\x1b[Kkseal: warning: look\n"


@pytest.mark.parametrize("is_quiet", [True, False])
def test_nobody_watching_means_no_progress(monkeypatch: pytest.MonkeyPatch, *, is_quiet: bool) -> None:
    monkeypatch.setattr(terminal, "PROGRESS_AFTER_SECONDS", 0.0)
    screen = Screen(is_terminal=is_quiet)
    progress = Terminal({}, stream=screen, is_quiet=is_quiet).progress("sealing", 2)
    progress.step()
    progress.end()
    assert screen.getvalue() == ""


class Gone(Screen):
    """A stream whose other end is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    def write(self, text: str) -> int:  # noqa: ARG002  # the base class's name
        self.tries += 1
        raise BrokenPipeError


def test_a_stream_that_is_gone_ends_the_talking_but_not_the_work() -> None:
    screen = Gone()
    speaker = Terminal({}, stream=screen)
    speaker.error("nobody hears this")
    speaker.error("nor this")
    assert screen.tries == 1


def test_standard_error_may_be_closed_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    Terminal({}).error("nobody hears this")
