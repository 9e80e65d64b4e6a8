"""The controller's log lines: in the forms of Go's slog, as the original writes them, and without any content.

Code logs by `logs.get()`: a fixed event name and key-value pairs, `log.info("unsealed", ref=ref, action="created")`.
What libraries log by the standard library is let through from WARNING on, shortened, and once a minute per place.
"""

import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

import orjson
import structlog

from controller.runtime.redaction import described, safe_text, shown

_NAMES: Final = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR", "critical": "ERROR"}
_SLOG_LEVELS: Final = {"DEBUG": -4, "INFO": 0, "WARN": 4, "WARNING": 4, "ERROR": 8}
_LEVEL: Final = re.compile(r"(DEBUG|INFO|WARN|WARNING|ERROR)([+-][0-9]{1,3})?", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\xa0]+")
_FOREIGN_TEXT_LIMIT: Final = 300
_FOREIGN_INTERVAL_SECONDS: Final = 60.0
_FOREIGN_PLACES: Final = 512

Fields = MutableMapping[str, Any]


def configure(
    *,
    level: str = "INFO",
    format: str = "text",  # noqa: A002 - the flag is called so
    info_to_stdout: bool = True,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Set up logging for the whole process, uncaught exceptions included.

    `level` is one of slog's (anything else counts as INFO), `format` is `json` or else text. Lines up to INFO go to
    standard output unless `info_to_stdout` is off, all others to standard error.
    """
    err = stderr or sys.stderr
    sink = _Lines((stdout or sys.stdout) if info_to_stdout else err, err)
    render = _as_json if format.lower() == "json" else _as_text
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _take_exception,
            _redact,  # the last that touches the fields
            lambda _, method, fields: render(_NAMES[method], now(), fields),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(parse_level(level)),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=True,
    )
    logging.root.handlers[:] = [_Foreign()]
    logging.root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda caught: _uncaught(
        caught.exc_type, caught.exc_value or caught.exc_type(), caught.exc_traceback, thread=caught.thread
    )


def get(**bound: Any) -> structlog.typing.FilteringBoundLogger:
    """A logger; `bound` goes into each of its lines."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(**bound)
    return logger


def parse_level(text: str) -> int:
    """A level as slog reads it (`warn`, `INFO+2`), rounded up to one of the standard library; anything else is INFO."""
    match = _LEVEL.fullmatch(text.strip())
    if match is None:
        return logging.INFO
    wanted = _SLOG_LEVELS[match[1].upper()] + int(match[2] or 0)
    for number, known in ((-4, logging.DEBUG), (0, logging.INFO), (4, logging.WARNING), (8, logging.ERROR)):
        if wanted <= number:
            return known
    return logging.CRITICAL


def _take_exception(_: object, __: str, fields: Fields) -> Fields:
    """`exc_info` becomes the field `error`: type and place, no traceback and no foreign text."""
    caught = fields.pop("exc_info", None)
    if caught is True:
        caught = sys.exc_info()[1]
    if isinstance(caught, tuple):
        caught = caught[1]
    if isinstance(caught, BaseException):
        fields.setdefault("error", caught)
    return fields


def _redact(_: object, __: str, fields: Fields) -> Fields:
    if fields.get("hint", "") is None:  # an error without a cure
        del fields["hint"]
    return {name: shown(value, name=name) for name, value in fields.items()}


def _as_text(level: str, moment: datetime, fields: Fields) -> str:
    time_ = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = {"time": time_, "level": level, "msg": fields.pop("event", ""), **fields}
    return " ".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs.items())


def _as_json(level: str, moment: datetime, fields: Fields) -> str:
    time_ = moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    line = {"time": time_, "level": level, "msg": fields.pop("event", ""), **fields}
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _quoted(value: object) -> str:
    """As slog's text handler: bare when nothing in it could be taken for the line's own structure."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "<nil>"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if _PLAIN.fullmatch(text) and text.isprintable():
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped)}"'


class _Lines:
    """The end of the pipe: whole lines to the stream of their level. A stream that is gone stops nobody's work."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._lock = threading.Lock()
        self._out, self._err = out, err

    def info(self, line: str) -> None:
        self._write(self._out, line)

    def error(self, line: str) -> None:
        self._write(self._err, line)

    debug = info
    warning = critical = error

    def _write(self, stream: TextIO, line: str) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()


class _Foreign(logging.Handler):
    """Records of the standard library's logging, which libraries use: shortened, and not the same one without end."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last: dict[tuple[str, int, int], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        place = (record.name, record.lineno, record.levelno)
        now = time.monotonic()
        if now - self._last.get(place, float("-inf")) < _FOREIGN_INTERVAL_SECONDS:
            return
        if len(self._last) >= _FOREIGN_PLACES:
            self._last.clear()
        self._last[place] = now
        fields: dict[str, Any] = {"logger": record.name, "text": _foreign_text(record)}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = described(record.exc_info[1])
        log = get()
        (log.error if record.levelno >= logging.ERROR else log.warning)("library", **fields)


def _foreign_text(record: logging.LogRecord) -> str:
    """The message of a record, without its arguments where an exception is one of them."""
    if record.exc_info or _has_exception(record.args):
        return safe_text(str(record.msg))[:_FOREIGN_TEXT_LIMIT]
    try:
        return safe_text(record.getMessage())[:_FOREIGN_TEXT_LIMIT]
    except (TypeError, ValueError):
        return safe_text(str(record.msg))[:_FOREIGN_TEXT_LIMIT]


def _has_exception(arguments: object) -> bool:
    values = arguments.values() if isinstance(arguments, dict) else arguments if isinstance(arguments, tuple) else ()
    return any(isinstance(value, BaseException) for value in values)


def _uncaught(
    kind: type[BaseException],
    error: BaseException,
    _: TracebackType | None,
    *,
    thread: threading.Thread | None = None,
) -> None:
    """Instead of a traceback, which shows the texts of foreign exceptions."""
    if issubclass(kind, KeyboardInterrupt):
        return
    name = thread.name if thread else threading.current_thread().name
    get().error("uncaught exception", thread=name, error=error)
