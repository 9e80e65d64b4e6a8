"""The template engine: templates of strangers, rendered with the values of a Secret."""

from engine.gotemplate.limits import DEFAULT
from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import StringMap
from tests.fuzz.rules import PLANTED, attempt, require

_DATA = StringMap({b"password": PLANTED.encode(), b"name": b"db", b"empty": b"", b"bytes": b"\xff\x00"})
_WORDS = (
    *("define", "template", "block", "if", "else", "with", "range", "break", "continue", "end", "nil", "true", "false"),
    *(".", "$", "$x", ":=", "=", "|", "(", ")"),
)

SEEDS = (
    b'{{ .password }} {{- if eq .name "db" -}} yes {{- else if not .empty }} no {{ end }}',
    b"{{ range $i, $v := list 1 2 .name }}{{ $i }}={{ $v | toString | upper | quote }},{{ else }}-{{ end }}",
    b'{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .password }}{{ with $x := dict "a" 1 }}{{ $x.a }}{{ end }}',
    b'{{ fail .password }}{{ printf "%08.3f|%-10s|%q|%x|%v" 3.14 .name .name .name . }}',
    b'{{ regexReplaceAll "(a+)+$" .password "$1" }}{{ .password | b64enc | sha256sum | trunc 5 }}',
    b'{{ toJson . }}{{ fromJson .password }}{{ int .password | add 1 }}{{ date "2006-01-02" .name }}',
    b"{{ index . .password }}{{ slice .name 1 9 }}{{ atoi .password }}{{ mustToDate .password .password }}",
)
PIECES = (
    *(b"{{ ", b" }}", b"{{- ", b" -}}", b"{{/* ", b" */}}", b'"', b"`", b"'a'", b"\\", b"1", b"-1", b"1e9", b"0x1p-2"),
    *(b".password", b".name", b" | ", b"\n", b"9999999999", b'"%[3]*.[2]*[1]f" ', b"\xff", b"%!"),
    *(f"{word} ".encode() for word in _WORDS),
    *(f"{name} ".encode() for name in sorted(TABLE)),
)


def check(data: bytes) -> None:
    """A bounded output, or a refusal that repeats none of the data."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    template = attempt(TemplateError, parse, "t", text, TABLE)
    if template is not None:
        output = attempt(TemplateError, template.render, _DATA)
        require(output is None or len(output) <= DEFAULT.output, "the output is longer than the limit")
