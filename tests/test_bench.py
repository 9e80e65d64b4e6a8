"""The bench itself works: each figure can be measured, and the page says what it was asked to say."""

import sys
from pathlib import Path

import pytest

from bench import __main__ as program
from bench import fluxcorpus, report, sopsmaterial
from bench.command import Command, in_turns, together
from bench.figure import Bench, Goal, Row, Samples
from bench.fluxcorpus import Corpus
from bench.quiet import Quiet
from bench.wheel import AS_DEVELOPED
from sealer.sops.formats.base import by_path
from sealer.sops.tree import Branch, Value
from tests.kit.cache import Cache
from tests.kit.errors import KitError
from tests.kit.process import Nest


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


def python(folder: Path, code: str) -> Command:
    return Command([sys.executable, "-ISc", code], {}, Path("/dev/null"), folder / "output")


@pytest.mark.slow
def test_a_command_is_timed_by_the_clock_and_by_the_cores(tmp_path: Path) -> None:
    idle = python(tmp_path, "import select; select.select([], [], [], 0.2)")
    taken = idle.run()
    assert taken.seconds >= 0.2
    assert 0 < taken.cpu_seconds < taken.seconds
    assert together([idle, idle]).seconds >= 0.4
    in_turn = in_turns({"a": idle, "b": idle}, times=2, quiet=Quiet(lambda _: None, patience_seconds=0), warm_up=0)
    assert {name: len(all_of_it) for name, all_of_it in in_turn.items()} == {"a": 2, "b": 2}


@pytest.mark.slow
def test_the_memory_of_a_command_is_its_own_and_not_that_of_the_bench(tmp_path: Path) -> None:
    ours = bytearray(b"x") * (150 << 20)
    small, large = python(tmp_path, "pass"), python(tmp_path, "bytearray(b'x') * (100 << 20)")
    assert small.peak_megabytes() < 50
    assert 100 < large.peak_megabytes() < 150
    del ours


def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    failing = python(tmp_path, "raise SystemExit(7)")
    for measure in (failing.run, failing.peak_megabytes):
        with pytest.raises(KitError, match="with code 7"):
            measure()


@pytest.mark.parametrize("form", sopsmaterial.FORMATS)
def test_files_for_the_bench_have_as_many_values_as_they_say(form: str, tmp_path: Path) -> None:
    ground = sopsmaterial.Ground(tmp_path, [], [], {}, "")
    path = ground.plain(form, 250)
    values = _values(by_path(str(path)).read_plain(path.read_bytes())[0])
    assert len(values) == len(set(values)) == 250


def _values(branch: Branch) -> list[Value]:
    return [leaf for _, value in branch for leaf in (_values(value) if isinstance(value, Branch) else [value])]


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.interop
# The other figures of deliveries differ in their repositories only, and those are looked at below.
@pytest.mark.parametrize("names", [program.SECRETS, ("flux",), ("fluxlarge",)], ids=lambda names: names[-1])
def test_each_figure_can_be_measured(names: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    before = report.RESULTS.read_text()
    assert program.main(["--quick", *names]) == 0
    page = capsys.readouterr().out
    assert page.count("\n## ") == len(names)
    assert report.RESULTS.read_text() == before, "a trial is not kept"


def test_a_part_of_a_size_is_never_less_than_the_tiny_one(tmp_path: Path) -> None:
    quiet = Quiet(lambda _: None, patience_seconds=0)
    with Nest("bench", cache=Cache(tmp_path)) as nest:
        bench = Bench(nest, AS_DEVELOPED, False, quiet, lambda _: None, share=0.1)
        assert bench.size(300, 4) == 30
        assert bench.size(20, 4) == 4


@pytest.mark.parametrize(
    "corpus", [fluxcorpus.plain(3), fluxcorpus.plain(3, together=True), fluxcorpus.overlays(3), fluxcorpus.large(250)]
)
def test_a_repository_for_the_bench_has_what_is_delivered_and_the_line_to_change(corpus: Corpus) -> None:
    path, old, new = corpus.line
    assert corpus.files[path].count(old) == 1
    assert old != new
    for one in corpus.kustomizations:
        folder = one["spec"]["path"].removeprefix("./")
        assert any(name.startswith(f"{folder}/") for name in corpus.files)
        assert one["spec"]["targetNamespace"] in corpus.namespaces
