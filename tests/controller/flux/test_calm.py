"""Drift is looked at at once, unless it never ends."""

from controller.flux.calm import FREE, LONGEST_SECONDS, QUIET_SECONDS, Calm


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def after_many(clock: Clock, calm: Calm[str], looks: int) -> list[float]:
    pauses = []
    for _ in range(looks):
        pauses.append(calm.pause("a"))
        clock.now += pauses[-1] + 0.01
    return pauses


def test_the_first_looks_do_not_wait() -> None:
    clock = Clock()
    calm: Calm[str] = Calm(clock=clock)
    assert after_many(clock, calm, FREE) == [0.0] * FREE
    assert calm.pause("b") == 0.0


def test_what_comes_again_and_again_waits_ever_longer_up_to_a_limit() -> None:
    clock = Clock()
    pauses = after_many(clock, Calm(clock=clock), FREE + 12)
    assert pauses[FREE:] == sorted(pauses[FREE:])
    assert pauses[FREE] > 0
    assert pauses[-1] == LONGEST_SECONDS


def test_what_happens_during_a_pause_is_seen_at_its_end() -> None:
    clock = Clock()
    calm: Calm[str] = Calm(clock=clock)
    for _ in range(FREE):
        calm.pause("a")
    first = calm.pause("a")
    clock.now += first / 2
    assert calm.pause("a") == first / 2


def test_after_a_quiet_time_all_is_as_at_first() -> None:
    clock = Clock()
    calm: Calm[str] = Calm(clock=clock)
    after_many(clock, calm, FREE + 3)
    clock.now += QUIET_SECONDS + LONGEST_SECONDS
    assert calm.pause("a") == 0.0
