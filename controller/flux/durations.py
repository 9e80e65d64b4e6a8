"""Spans of time in Go's spelling, as messages of Flux write them: `30s`, `5m0s`, `1.5s`."""

from datetime import timedelta

from engine.gotemplate.durations import Duration


def spelled(span: timedelta) -> str:
    """The span as Go prints a time.Duration."""
    return Duration(span // timedelta(microseconds=1) * 1_000).text().decode()
