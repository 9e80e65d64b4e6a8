"""The flags of Go's logger, which programs of Kubernetes take. They are read, so that scripts with them work, and have
no effect: nothing here logs. Source: k8s.io/klog/v2 klog.go, InitFlags."""

from sealer.cli.compat.pflag import Flag, Value, boolean, integer

_SEVERITIES = ("INFO", "WARNING", "ERROR", "FATAL")
_NO_EFFECT = "accepted, without effect"


def _boolean(text: str) -> Value:
    """A boolean of Go's own flag package, whose errors are shorter."""
    try:
        return boolean(text)
    except ValueError:
        raise ValueError("parse error") from None


def _severity(text: str) -> Value:
    return text if text.upper() in _SEVERITIES else integer(32)(text)


def _unsigned(text: str) -> Value:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 64):
        raise ValueError("parse error")
    return text


def _modules(text: str) -> Value:
    for part in filter(None, text.split(",")):
        name, mark, level = part.partition("=")
        if not (mark and name and level):
            raise ValueError("syntax error: expect comma-separated list of filename=N")
        if not level.isdigit():
            raise ValueError("syntax error: expect comma-separated list of filename=N")
    return text


def _place(text: str) -> Value:
    file, mark, line = text.partition(":")
    if text and not (mark and "." in file and line.isdigit() and int(line) > 0):
        raise ValueError("syntax error: expect file.go:234")
    return text


FLAGS = (
    Flag("add_dir_header", _boolean, _NO_EFFECT, ""),
    Flag("alsologtostderr", _boolean, _NO_EFFECT, ""),
    Flag("alsologtostderrthreshold", _severity, _NO_EFFECT, "severity"),
    Flag("legacy_stderr_threshold_behavior", _boolean, _NO_EFFECT, "", default=True),
    Flag("log_backtrace_at", _place, _NO_EFFECT, "traceLocation"),
    Flag("log_dir", str, _NO_EFFECT),
    Flag("log_file", str, _NO_EFFECT),
    Flag("log_file_max_size", _unsigned, _NO_EFFECT, "uint"),
    Flag("logtostderr", _boolean, _NO_EFFECT, "", default=True),
    Flag("one_output", _boolean, _NO_EFFECT, ""),
    Flag("skip_headers", _boolean, _NO_EFFECT, ""),
    Flag("skip_log_headers", _boolean, _NO_EFFECT, ""),
    Flag("stderrthreshold", _severity, _NO_EFFECT, "severity"),
    Flag("v", integer(32), _NO_EFFECT, "Level", "v"),
    Flag("vmodule", _modules, _NO_EFFECT, "moduleSpec"),
)
