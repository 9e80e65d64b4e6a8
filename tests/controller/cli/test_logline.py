"""Lines of controllers' logs, ours and Flux's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cli.logline import Line, Wanted, parse

OURS_TEXT = 'time=2026-07-10T12:00:00.123Z level=INFO msg="applied" ref=Kustomization/flux-system/apps changes="2 of 5"'
OURS_JSON = (
    '{"time":"2026-07-10T12:00:00Z","level":"ERROR","msg":"failed",'
    '"ref":"Kustomization/flux-system/apps","error":"x y"}'
)
FLUX = (
    '{"level":"info","ts":"2026-07-10T12:00:00.000Z","msg":"no changes","controller":"kustomization",'
    '"controllerGroup":"kustomize.toolkit.fluxcd.io","controllerKind":"Kustomization",'
    '"Kustomization":{"name":"apps","namespace":"flux-system"},"namespace":"flux-system","name":"apps",'
    '"reconcileID":"1","revision":"main@sha1:abc"}'
)


def test_a_line_of_ours_is_read_as_text_and_as_json() -> None:
    assert parse(OURS_TEXT) == Line(
        "info", "Kustomization", "flux-system", "apps",
        '2026-07-10T12:00:00.123Z info Kustomization/flux-system/apps applied changes="2 of 5"',
    )  # fmt: skip
    assert parse(OURS_JSON).text == '2026-07-10T12:00:00Z error Kustomization/flux-system/apps failed error="x y"'


def test_a_line_of_flux_is_read() -> None:
    line = parse(FLUX)
    assert line[:4] == ("info", "Kustomization", "flux-system", "apps")
    assert line.text == (
        "2026-07-10T12:00:00.000Z info Kustomization/flux-system/apps no changes revision=main@sha1:abc"
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), True),
        (Wanted(kind="kustomization"), True),
        (Wanted(kind="GitRepository"), False),
        (Wanted(name="apps"), True),
        (Wanted(name="app"), False),
        (Wanted(namespace="shop"), False),
        (Wanted(level="debug"), True),
        (Wanted(level="warning"), False),
    ],
)
def test_lines_are_narrowed(wanted: Wanted, expected: bool) -> None:
    assert wanted.fits(parse(OURS_TEXT)) is expected


def test_a_line_of_no_level_is_shown_unless_a_level_is_asked_for() -> None:
    line = parse("panic: something broke")
    assert Wanted().fits(line)
    assert not Wanted(level="debug").fits(line)


def test_what_a_terminal_obeys_is_escaped() -> None:
    assert parse('{"msg": "a\\u001b[2Jb"}').text == "a\\x1b[2Jb"


@given(st.text() | st.text().map(lambda text: f'{{"msg": {text}') | st.text().map(lambda text: f"msg={text}"))
def test_any_line_is_shown_somehow(raw: str) -> None:
    assert parse(raw).text.isprintable()
