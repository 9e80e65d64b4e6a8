"""Templates that loop, grow or nest end with an error, soon and without taking memory."""

import time

import pytest

from engine.gotemplate.limits import DEFAULT, Limits
from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.template import TemplateError, parse

_CYCLE = '{{ $d := dict }}{{ $_ := set $d "a" $d }}'
_DOUBLED = "{{ $x := list 1 }}{{ range until 45 }}{{ $x = list $x $x }}{{ end }}"

_FRACTION = DEFAULT._replace(cost=DEFAULT.cost // 50)
"""So that this file does not take a minute; what fails here for another reason than cost fails as soon."""

BOUNDED = {
    "nested loops": "{{ range until 50000 }}{{ range until 50000 }}{{ end }}{{ end }}",
    "a loop over a number": "{{ range 1000000000000 }}{{ end }}",
    "endless recursion": '{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}',
    "a doubled string": '{{ $x := "0123456789" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}',
    "a doubled list, printed": _DOUBLED + "{{ $x }}",
    "a doubled list, as JSON": _DOUBLED + "{{ toJson $x }}",
    "a doubled list, copied": _DOUBLED + "{{ $_ := deepCopy $x }}",
    "doubled lists, compared": _DOUBLED
    + "{{ $y := deepCopy (list 1) }}{{ range until 45 }}{{ $y = list $y $y }}{{ end }}"
    "{{ deepEqual $x $y }}",
    "a doubled list, joined": "{{ $x := list 1 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}",
    "a dictionary in itself, printed": _CYCLE + "{{ $d }}",
    "a dictionary in itself, as JSON": _CYCLE + "{{ toPrettyJson $d }}",
    "a dictionary in itself, copied": _CYCLE + "{{ $_ := deepCopy $d }}",
    "dictionaries in themselves, merged": _CYCLE + '{{ $e := dict }}{{ $_ := set $e "a" $e }}{{ $_ := merge $d $e }}',
    "repeat": '{{ repeat 1000000000 "x" }}',
    "until": "{{ until 1000000000 }}",
    "untilStep": "{{ untilStep 0 1000000000 1 }}",
    "seq": "{{ seq 1000000000 }}",
    "nindent": '{{ nindent 1000000000 "x" }}',
    "printf's width": '{{ printf "%999999d%999999d" 1 1 }}',
    "printf's width from a value": '{{ printf "%*d%*d" 999999 1 999999 1 }}',
    "randAlphaNum": "{{ randAlphaNum 1000000000 }}",
    "randBytes": "{{ randBytes 1000000000 }}",
    "replace": '{{ $x := repeat 100000 "a" }}{{ replace "a" $x $x }}',
    "replace before each character": '{{ $x := repeat 100000 "a" }}{{ replace "" $x $x }}',
    "join": '{{ join (repeat 100000 "a") (until 1000) }}',
    "wrapWith": '{{ wrapWith 1 (repeat 1000 "x") (repeat 10000 "a") }}',
    "many long arguments": '{{ $x := repeat 1000000 "a" }}{{ print ' + "$x " * 1000 + "}}",
    "a pattern's replacement": '{{ regexReplaceAll "a" (repeat 100000 "a") (repeat 100 "$0") }}',
    "many patterns": '{{ range until 50000 }}{{ $_ := regexMatch "(a|b){1,500}x[a-z]{500}" "a" }}{{ end }}',
    "splitting into characters": '{{ splitList "" (repeat 1000000 "a") }}',
    "a growing dictionary": "{{ $d := dict }}{{ range until 3 }}{{ $o := . }}{{ range until 40000 }}"
    '{{ $_ := set $d (printf "%d-%d" $o .) 1 }}{{ end }}{{ end }}',
    "uniq": "{{ $_ := uniq (until 50000) }}",
    "many keys": '{{ range until 1000 }}{{ $_ := genPrivateKey "ed25519" }}{{ end }}',
    "deep JSON": '{{ fromJson (repeat 100000 "[") }}',
    "a long date": '{{ mustToDate (repeat 100000 "2006 ") (repeat 100000 "2006 ") }}',
    "parentheses": "{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}",
    "blocks": "{{ if 1 }}" * 5_000 + "{{ end }}" * 5_000,
    "else if": "{{ if 0 }}" + "{{ else if 0 }}" * 5_000 + "{{ end }}",
    "actions": "{{ . }}" * 149_000,
    "one long action": "{{ print" + " 1" * 500_000 + " }}",
    "variables": "".join(f"{{{{ $x{number} := 1 }}}}" for number in range(10_000)),
    "text": "x" * (1 << 20) + "x",
    "a long output": '{{ $x := repeat 1000 "a" }}{{ range until 1100 }}{{ $x }}{{ end }}',
}


@pytest.mark.parametrize("template", BOUNDED.values(), ids=BOUNDED.keys())
def test_what_costs_too_much_ends_with_an_error(template: str) -> None:
    start = time.process_time()
    with pytest.raises(TemplateError):
        parse("t", template, TABLE).render({}, limits=_FRACTION)
    assert time.process_time() - start < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nested loops", "uniq", "a doubled list, as JSON", "many keys"])
def test_the_usual_limits_stop_within_a_second_or_so(name: str) -> None:
    start = time.process_time()
    with pytest.raises(TemplateError):
        parse("t", BOUNDED[name], TABLE).render({})
    assert time.process_time() - start < 3  # on an idle machine less than one


@pytest.mark.parametrize(
    ("template", "limits"),
    [
        ("abcdef", Limits(text=5)),
        ("abc{{ . }}def", Limits(output=5)),
        ("{{ range until 9 }}{{ . }}{{ end }}", Limits(items=5)),
        ("{{ range until 9 }}{{ . }}{{ end }}", Limits(cost=5_000)),
        ("{{ ((((1)))) }}", Limits(nesting=3)),
        ("{{ ((((1)))) }}", Limits(depth=3)),
        ("{{ 1 }}{{ 2 }}", Limits(tokens=5)),
    ],
)
def test_each_limit_can_be_set(template: str, limits: Limits) -> None:
    assert parse("t", template, TABLE).render(b"")
    with pytest.raises(TemplateError):
        parse("t", template, TABLE, limits=limits).render(b"", limits=limits)


def test_a_template_fails_always_or_never() -> None:
    template = parse("t", "{{ range until 400 }}{{ range until 400 }}{{ print . }}{{ end }}{{ end }}", TABLE)
    limits = Limits(cost=3_000_000)
    outcomes = set()
    for _ in range(3):
        with pytest.raises(TemplateError) as caught:
            template.render({}, limits=limits)
        outcomes.add(str(caught.value))
    assert len(outcomes) == 1


def test_usual_templates_are_far_from_the_limits() -> None:
    lines = "{{ range $i, $line := .lines }}{{ $i }}: {{ $line | trim | quote | indent 4 }}\n{{ end }}"
    output = parse("t", lines, TABLE).render({b"lines": [b" a line "] * 5_000})
    assert output.count(b"\n") == 5_000
