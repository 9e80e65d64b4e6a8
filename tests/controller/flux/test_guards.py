"""Guards of builds are told at the start, and lock-down does not begin without them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import click
import pytest
from prometheus_client import CollectorRegistry

from controller import fluxflags
from controller.flux import component, guards
from controller.flux.metrics import FluxMetrics
from controller.options import OPTIONS
from controller.settings import Flux, Settings
from engine.errors import KsealError
from engine.kube.config import Connection
from engine.render.jail import GUARDS, Jail


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **more: Any) -> None:
        self.lines.append((event, more))


SETTINGS = Settings(
    namespace="flux-system",
    identity="one",
    is_sealed=False,
    flux=Flux(controllers=frozenset({"kustomize"}), lockdown=True),
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def checked(stack: ExitStack, used: Sequence[str], *, lockdown: bool) -> Log:
    log = Log()
    guards.check(stack.enter_context(Jail(guards=used)), lockdown=lockdown, log=log)
    return log


def test_what_holds_is_told(stack: ExitStack) -> None:
    log = checked(stack, GUARDS, lockdown=False)
    ((event, told),) = log.lines
    assert event == "guards"
    assert {*told["held"], *told["missing"]} == {"no_new_privs", "limits", *GUARDS}


def test_without_lock_down_a_missing_guard_is_told_and_no_more(stack: ExitStack) -> None:
    log = checked(stack, (), lockdown=False)
    assert log.lines[0][1]["missing"] == [*GUARDS]


@pytest.mark.parametrize("missing", GUARDS)
def test_lock_down_does_not_begin_without_a_guard(stack: ExitStack, missing: str) -> None:
    rest = [name for name in GUARDS if name != missing]
    with pytest.raises(KsealError, match=rf"--lockdown: .* no {missing}") as raised:
        checked(stack, rest, lockdown=True)
    assert raised.value.hint is not None


def test_the_controller_does_not_begin_without_a_guard(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component, "Jail", lambda: stack.enter_context(Jail(guards=("seccomp",))))
    connection = Connection("https://127.0.0.1:1")
    with pytest.raises(KsealError, match=r"--lockdown: .* no landlock"):
        component.Deliveries(connection, SETTINGS, {}, log=Log(), metrics=FluxMetrics(CollectorRegistry()))


@pytest.mark.parametrize("flag", ["--insecure-kubeconfig-exec", "--insecure-kubeconfig-tls"])
def test_lock_down_and_its_contrary_do_not_go_together(flag: str) -> None:
    command = click.Command("controller", params=OPTIONS)
    flags = command.make_context("controller", ["--lockdown", flag]).params
    with pytest.raises(KsealError, match=f"--lockdown and {flag} contradict each other"):
        fluxflags.settings(flags, frozenset({"kustomize"}))
