"""Objects in every state that the rules tell apart get what Flux said of them when it was asked (cli-utils 1.2.2,
pkg/runtime 0.110.1, by tests/kit/go/kstatusjudge); test_kstatus_judged.py asks it again, of many more."""

import json
from pathlib import Path

import pytest

from engine.health.rules import judge
from engine.health.verdict import Health

RECORDED = json.loads((Path(__file__).parents[2] / "vectors" / "health" / "kstatus.json").read_text())


@pytest.mark.parametrize("kind", sorted({record["object"]["kind"] for record in RECORDED}))
def test_recorded_objects_are_judged_as_flux_judged_them(kind: str) -> None:
    for record in RECORDED:
        if record["object"]["kind"] == kind:
            verdict = judge(record["object"])
            assert verdict.health.value == record["health"], record
            assert verdict.health is Health.UNKNOWN or verdict.message == record["message"], record
