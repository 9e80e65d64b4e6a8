"""Health expressions, objects and readiness expressions on which Flux and we must agree."""

from typing import Any

READY = "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')"
FAILED = "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'False')"


def thing(*conditions: tuple[str, str], **status: Any) -> dict[str, Any]:
    listed = [{"type": type_, "status": value, "reason": "R", "message": "m"} for type_, value in conditions]
    return {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "a", "generation": 2, "labels": {"x.y/z": "v"}},
        "spec": {"replicas": 3, "mode": "Fast", "list": [1, 2, 3], "nothing": None, "ratio": 1.5},
        "status": {"conditions": listed, "observedGeneration": 2, **status},
    }


OBJECTS = {
    "ready": thing(("Ready", "True")),
    "not ready": thing(("Ready", "False")),
    "unknown": thing(("Ready", "Unknown"), ("Synced", "True")),
    "none": thing(),
    "old generation": thing(("Ready", "True"), observedGeneration=1),
    "odd generation": thing(("Ready", "True"), observedGeneration="2"),
    "no status": {key: value for key, value in thing().items() if key != "status"},
    "no conditions": {**thing(), "status": {}},
}

EXPRESSIONS: tuple[dict[str, str], ...] = (
    {"current": READY},
    {"current": READY, "failed": FAILED},
    {"current": READY, "inProgress": "status.conditions.exists(e, e.type == 'Ready' && e.status == 'Unknown')"},
    {"current": "has(status.conditions) && status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"},
    {"current": "has(status.phase) && status.phase == 'Done'", "failed": "true"},
    {"current": "false"},
    {"current": "true", "inProgress": "true"},
    {"current": "status.missing"},
    {"current": "data.missing"},
    {"current": "1"},
    {"current": "'true'"},
    {"current": "spec.replicas"},
)

READINESS = (
    "true",
    "1 == 1",
    "self.metadata.name == dep.metadata.name",
    "dep.spec.replicas > 2 && self.spec.replicas >= 3",
    "dep.spec.replicas == 3.0",
    "dep.spec.ratio < 2",
    "dep.spec.nothing == null",
    "has(dep.spec.nothing) && !has(dep.spec.other)",
    "has(dep.spec.other.deep)",
    "dep.spec.other",
    "dep.spec.other == 1 || true",
    "false && dep.spec.other",
    "dep.spec['mode'] == 'Fast'",
    "dep.metadata.labels['x.y/z'] == 'v'",
    "'x.y/z' in dep.metadata.labels",
    "2 in dep.spec.list",
    "dep.spec.list[0] == 1",
    "dep.spec.list[9] == 1",
    "size(dep.spec.list) == 3",
    "dep.spec.list.size() == 3",
    "dep.spec.list.map(x, x * 2) == [2, 4, 6]",
    "dep.spec.list.filter(x, x > 1).size() == 2",
    "dep.spec.list.exists_one(x, x == 1)",
    "dep.spec.list.all(x, x > 0) ? true : false",
    "dep.status.conditions.all(e, e.status == 'True') && dep.metadata.generation == dep.status.observedGeneration",
    "dep.spec.mode.startsWith('F') && dep.spec.mode.endsWith('t') && dep.spec.mode.contains('as')",
    "dep.spec.mode.matches('^F[a-z]+$')",
    "dep.spec.mode.lowerAscii() == 'fast' && dep.spec.mode.upperAscii() == 'FAST'",
    "dep.spec.mode.substring(1) == 'ast' && dep.spec.mode.substring(1, 2) == 'a'",
    "dep.spec.mode.substring(9) == ''",
    "dep.spec.mode.indexOf('s') == 2 && dep.spec.mode.lastIndexOf('t') == 3 && dep.spec.mode.charAt(0) == 'F'",
    "dep.spec.mode.replace('F', 'L') == 'Last' && dep.spec.mode.replace('', '-', 1) == '-Fast'",
    "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
    "['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'",
    "' a '.trim() == 'a' && 'abc'.reverse() == 'cba'",
    "int('5') == 5 && string(5) == '5' && double('1.5') == 1.5",
    "timestamp('2020-01-01T00:00:00Z') < timestamp('2021-01-01T00:00:00Z')",
    "duration('1h') > duration('59m')",
    "'a' < 'b' && 'a' != 'b'",
    "1 / 0 == 1",
    "9223372036854775807 + 1 > 0",
    "[1, 2] + [3] == [1, 2, 3]",
    "{'a': 1}.a == 1 && {'a': 1}['a'] == 1",
    "b'abc' == b'abc'",
    "type(1) == int",
    "(true || false) && !false",
    "dep.metadata.name + 'b' == 'ab'",
    "1 +",
    "nobody.metadata",
    "dep",
    "'text'",
    "true) || (true",
    "// a comment\ntrue",
    "true // a comment",
)
