"""The bench itself works: each figure can be measured, and the page says what it was asked to say."""

from pathlib import Path

import pytest

from bench import __main__ as program
from bench import report
from bench.figure import Goal, Row, Samples
from bench.quiet import Quiet


def test_a_goal_is_met_at_its_bound() -> None:
    assert Goal(0.6).is_met(0.6)
    assert not Goal(0.6).is_met(0.61)
    assert Goal(0.8, "at least").is_met(0.8)
    assert not Goal(0.8, "at least").is_met(0.79)


def test_a_row_compares_medians() -> None:
    row = Row("a", Samples([1.0, 2.0, 90.0], "s"), Samples([4.0], "s"), "other", Goal(0.4))
    assert row.ratio == 0.5
    assert row.is_met is False


def test_without_a_peer_there_is_no_verdict() -> None:
    row = Row("a", Samples([1.0], "s"), goal=Goal(0.4))
    assert row.ratio is None
    assert row.is_met is None


@pytest.mark.parametrize(
    ("values", "unit", "shown"),
    [
        ([0.05234], "s", "0.052 s"),
        ([1.5, 2.25, 12.34], "s", "2.25 s (1.50 to 12.3)"),
        ([1003.0], "requests", "1003 requests"),
    ],
)
def test_samples_show_three_digits_and_their_spread(values: list[float], unit: str, shown: str) -> None:
    assert str(Samples(values, unit)) == shown  # type: ignore[arg-type]  # one of Unit


def test_what_was_measured_on_a_busy_machine_says_so() -> None:
    quiet = Quiet(lambda _: None, patience_seconds=0)
    quiet.wait()
    page = report.rendered([], quiet)
    assert "Other work was on the machine, or may have been, at 1 of 1 measurements." in page


def test_the_page_names_neither_the_machine_nor_its_folders() -> None:
    page = report.rendered([], Quiet(lambda _: None, patience_seconds=1))
    assert str(Path.home()) not in page
    assert Path("/etc/hostname").read_text().strip() not in page


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.interop
def test_each_figure_can_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    before = report.RESULTS.read_text()
    assert program.main(["--quick"]) == 0
    page = capsys.readouterr().out
    assert page.count("\n## ") == len(program.FIGURES)
    assert report.RESULTS.read_text() == before, "a trial is not kept"
