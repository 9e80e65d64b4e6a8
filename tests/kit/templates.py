"""Templates to compare with Go's engine: written by hand in tests/vectors/gotemplate, and made up by rules here.

Everything is derived from fixed seeds, so that each run asks the same questions. `python -m tests.kit.templates` asks
Go about the written ones and records what it says beside them, for machines without Go.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.gotemplate.table import Function, Table
from tests.kit import programs as real_programs
from tests.kit.templatejudge import Question, ask

FOLDER = Path(__file__).parents[1] / "vectors" / "gotemplate"
REFUSED = FOLDER / "refused" / "templates.txt"
"""What Go renders and we refuse on purpose."""
ANSWERS = FOLDER / "answers.json"

DATA: dict[str, Any] = {
    "name": "plain",
    "text": "The quick  brown\tfox\njumps over 13 lazy dogs",
    "unicode": "Ünïcödé ſtraße 日本語 ǅ",
    "count": 3,
    "pi": 3.14159,
    "huge": 1e21,
    "negative": -7,
    "zero": 0,
    "flag": True,
    "off": False,
    "null": None,
    "empty": "",
    "none": [],
    "list": ["one", "two", 3, 4.5, None, True],
    "words": ["pear", "apple", "fig", "apple"],
    "numbers": [5, 3, 8, 1],
    "nested": [[1, 2], [], [0, "x"]],
    "map": {"inner": {"leaf": "green"}, "b": 2, "a": "<&>"},
    "other": {"inner": {"branch": "brown", "leaf": "red"}, "b": 0, "c": [1], "a": ""},
    "json": '{"a": [1, 2.50, "x<y", null, true], "b": {"c": "\\u00e9\\ud800"}, "a2": 1e3}',
}

_STRINGS = (
    '"plain"', '""', '"a,b,,c"', '"Hello World"', '"camelCaseHTTPServer2x"', '"snake_case-and kebab"', '"10"',
    '"-3.70"', '"0x1F"', '"  pad\\t\\n"', '"日本語"', '"Ünïcödé"', '"a\\nb\\nc"', '"<a href=\'x\'>&"', '"\\xff\\xfe"',
    ".name", ".text", ".unicode", ".json", '"a"', '","', '"$1"', '"zzz"', '"/usr/../lib//x.tar.gz"', '"1.2.3"',
    '"ÅÉ ﬁ ß ŉ ǆ İ"', '"{}"', '"Bld4Floor3rd HTTP20xOK"', '"007"', '"1e3"', '"x.00"', '"true"', '"aGVsbG8="',
    '"a=b"', '"_lead--ing__x_"',
)  # fmt: skip
_INTS = ("0", "1", "2", "3", "5", "-1", "-4", "10", "25", "(len .list)", "(int .count)", "0x10", "'a'", "1e1")
_FLOATS = ("0.5", "1.0", "-2.25", "3", "1e3")
_BOOLS = ("true", "false", ".flag", ".off", "(eq 1 1)")
_LISTS = (
    ".list", ".words", ".numbers", ".none", ".nested", '(list 1 "a" nil)', "(list)", "(until 4)",
    '(splitList "," "c,a,b,a")', "(rest (list))", "(list 1 1.0 (int64 1) 1)", '(list "" 0 nil false "x")',
    "(chunk 2 .words)", "(list (list 1) (list 1))",
)  # fmt: skip
_MAPS = (
    ".map", ".other", "(dict)", '(dict "a" 1 "b" "two")', '(dict "inner" (dict "x" 1) "c" nil "d" (list 2))',
    "(dict 1 2 3)", '(dict "a" (list 1 2) "b" "" "inner" (dict))', ".missing",
)  # fmt: skip
_OTHERS = (
    "nil", ".null", ".missing", "1.5", "0.0", "(int64 7)", '(split "," "x,y")', "(index .name 0)", ".pi", ".huge",
    "-0.0",
)  # fmt: skip
_POOLS: dict[str, tuple[str, ...]] = {
    "string": _STRINGS,
    "int": _INTS,
    "int64": ("1", "-5", "(int64 3)"),
    "uint32": ("1", "7"),
    "float64": _FLOATS,
    "bool": _BOOLS,
    "[]any": ('(list "a")', "nil", "(list)"),
    "map": _MAPS,
    "time": ('(toDate "2006-01-02" "2020-02-29")', '(mustToDate "2006-01-02 -07" "2020-02-29 +05")'),
    "any": _STRINGS + _INTS + _FLOATS + _BOOLS + _LISTS * 2 + _MAPS + _OTHERS,
}
_POOLS["value"] = _POOLS["any"]
_UNORDERED = frozenset({"keys", "values"})
"""Their order is left to chance in Go, so only results of one entry can be compared."""
_EXPENSIVE = frozenset({"derivePassword"})
_CALLS = 70
_LONGEST = 1_000
"""Bytes of an answer that is worth recording."""


def written() -> list[str]:
    """The templates of the files, one a line, each once."""
    lines = [line for file in sorted(FOLDER.glob("*.txt")) for line in file.read_text(encoding="utf-8").split("\n")]
    return [line for line in dict.fromkeys(lines) if line]


def recorded() -> dict[str, bytes | None]:
    """What Go answered to the written ones; None for an error."""
    answers: dict[str, str | None] = json.loads(ANSWERS.read_text(encoding="ascii"))
    return {
        template: None if text is None else text.encode("utf-8", "surrogateescape")
        for template, text in answers.items()
    }


def calls(functions: Table, seed: int, count: int = _CALLS) -> Iterator[str]:
    """So many calls of every function that always gives the same result, with fitting arguments and others."""
    for name in sorted(functions):
        if not functions[name].is_volatile:
            yield from _calls_of(name, functions[name], seed, min(count, 3) if name in _EXPENSIVE else count)


def _calls_of(name: str, called: Function, seed: int, count: int) -> Iterator[str]:
    dice = random.Random(f"{name} {seed}")  # noqa: S311 - repeatable choices are the point
    for _ in range(count):
        arguments = [_argument(dice, kind) for kind in called.parameters]
        if called.rest is not None:
            arguments += [_argument(dice, called.rest) for _ in range(dice.choice((0, 1, 1, 2, 3)))]
        if dice.random() < 0.05 and arguments:
            arguments.pop()
        if name == "set" and arguments[0] in arguments[1:]:
            continue  # a dictionary that contains itself ends Go's whole process
        if name in _UNORDERED:
            yield f'{{{{ {name} (dict "k" {dice.choice(_POOLS["any"])}) | toJson }}}}'
        else:
            yield _shown(dice, name, arguments)


def _argument(dice: random.Random, kind: str) -> str:
    pool = _POOLS["any"] if dice.random() < 0.07 else _POOLS.get(kind, _POOLS["any"])
    return dice.choice(pool)


def _shown(dice: random.Random, name: str, arguments: list[str]) -> str:
    """A call with its result printed in one of several ways, the last argument now and then piped in."""
    call = " ".join([name, *arguments])
    if arguments and arguments[-1] != "nil" and dice.random() < 0.3:
        call = " ".join([arguments[-1], "|", name, *arguments[:-1]])
    form = dice.choice(
        ("{{ CALL }}", "{{ CALL | toJson }}", '{{ CALL | printf "%#v" }}', "{{ typeOf (CALL) }}|{{ CALL }}")
    )
    return form.replace("CALL", call)


_STATEMENTS = (
    "{{ if %e }}%b{{ end }}", "{{ if %e }}%b{{ else }}%b{{ end }}", "{{ with %e }}%b{{ . }}{{ end }}",
    "{{ $x = %e }}", "{{ range %l }}%b{{ . }}{{ end }}",
    "{{ range $i, $v := %l }}{{ $i }}{{ $v }}%b{{ else }}%b{{ end }}", "{{ $y := %e }}{{ $y }}",
    "{{ range %l }}%b{{ if %e }}{{ break }}{{ end }}{{ . }}{{ end }}", "{{- %e -}}", " text \n", "{{ %e }}",
    "{{ $x }}", "{{/* c */}}", '{{ template "t1" %e }}',
    "{{ range %l }}{{ if %e }}{{ continue }}{{ end }}%b{{ end }}", "{{ with $z := %e }}{{ $z }}%b{{ end }}",
)  # fmt: skip
_EXPRESSIONS = (
    "(eq %e %e)", "(and %e %e)", "(or %e %e)", "(not %e)", "(len %l)", "(index %l 0)", '(printf "%v-%v" %e %e)',
    "(print %e %e)", "(default %e %e)", "(ternary %e %e true)", "(list %e %e)", '(dict "k" %e)', "(lt %e %e)",
    "(add %e 1)", "(%e | toString | upper)", "(first %l)", "(toJson %e)",
)  # fmt: skip
_LEAVES = ("$x", ".name", ".", "$", "1", '"s"', ".map.inner", ".missing", "2.5", "true", "(.map).b")


def programs(count: int, seed: int) -> Iterator[str]:
    """Whole templates, grown at random from statements and expressions."""
    dice = random.Random(seed)  # noqa: S311 - repeatable choices are the point
    for _ in range(count):
        body = "".join(_grown(dice, 3) for _ in range(dice.randint(1, 4)))
        yield '{{ define "t1" }}<{{ . }}>{{ end }}{{ $x := .count }}' + body


def _grown(dice: random.Random, depth: int) -> str:
    text = dice.choice(_STATEMENTS) if depth else "-"
    while "%b" in text:
        text = text.replace("%b", _grown(dice, depth - 1), 1)
    return _filled(dice, text)


def _filled(dice: random.Random, text: str, depth: int = 3) -> str:
    while "%e" in text or "%l" in text:
        text = text.replace("%l", dice.choice(_LISTS), 1)
        if "%e" in text:
            chosen = dice.choice(_EXPRESSIONS + _LEAVES if depth else _LEAVES)
            text = text.replace("%e", _filled(dice, chosen, depth - 1), 1)
    return text


def record() -> None:
    """Ask Go about the written templates and keep the answers."""
    questions = [Question(template.encode(), DATA) for template in written()]
    answers = ask(real_programs.find("gotemplate"), questions)
    texts = {
        template: answer.output if answer.output is None else answer.output.decode("utf-8", "surrogateescape")
        for template, answer in zip(written(), answers, strict=True)
        if answer.output is None or len(answer.output) <= _LONGEST
    }
    ANSWERS.write_text(json.dumps(texts, indent=0) + "\n", encoding="ascii")


if __name__ == "__main__":
    record()
