"""Tests marked `netns` run in a child pytest inside a network of their own; their reports come back as if run here.

All of them that were selected share one child, and so one control plane. Under pytest-xdist those of one file do: a
worker does not know which tests it will be given, but with `--dist loadfile` they are whole files.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit import sandbox
from tests.kit.process import Nest

MARKER = "netns"
_REPORTS = "KSEAL_TEST_NETNS_REPORTS"
_Reports = dict[str, list[pytest.TestReport]]
_results = pytest.StashKey[_Reports]()


def is_inside() -> bool:
    """Whether this process is the child."""
    return _REPORTS in os.environ


class Recorder:
    """In the child: a plugin that writes each report as a line of JSON for the parent."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._path = Path(os.environ[_REPORTS])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with self._path.open("a") as file:
            file.write(json.dumps(data, default=str) + "\n")


def run(item: pytest.Item) -> None:
    """In the parent: report what became of this test, after running the group when it is the first of it."""
    results = item.session.stash.setdefault(_results, {})
    if item.nodeid not in results:
        results.update(_run_group(item))
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in results[item.nodeid]:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _run_group(item: pytest.Item) -> _Reports:
    group = _group(item)
    if reason := sandbox.refusal():
        return {member.nodeid: [_unavailable(member, reason)] for member in group}
    with Nest("netns") as nest:
        reports = nest.folder / "reports.jsonl"
        reports.touch()
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(member.nodeid for member in group)]
        environ = dict(os.environ) | {_REPORTS: str(reports)}
        child = nest.start("pytest", sandbox.with_network(command), env=environ, cwd=item.config.rootpath)
        child.wait()
        results = _read(item.config, reports)
        for member in group:
            if not any(report.when == "teardown" for report in results.get(member.nodeid, [])):
                text = f"the child ended before this test did; end of its output:\n{child.log_tail()}"
                results[member.nodeid] = [_report(member, "failed", text)]
    return results


def _group(item: pytest.Item) -> list[pytest.Item]:
    is_worker = hasattr(item.config, "workerinput")
    return [
        other
        for other in item.session.items
        if other.get_closest_marker(MARKER) and (other.path == item.path or not is_worker)
    ]


def _read(config: pytest.Config, path: Path) -> _Reports:
    results: _Reports = {}
    for line in path.read_text().splitlines():
        report = config.hook.pytest_report_from_serializable(config=config, data=json.loads(line))
        if isinstance(report.longrepr, list):  # JSON has no tuples, and pytest demands one for a skip
            report.longrepr = tuple(report.longrepr)
        results.setdefault(report.nodeid, []).append(report)
    return results


def _unavailable(item: pytest.Item, reason: str) -> pytest.TestReport:
    """Skipped with the reason, or failed where every real thing is demanded."""
    if os.environ.get("KSEAL_REQUIRE_REAL") == "1":
        return _report(item, "failed", f"no network namespace: {reason}")
    path, line, _ = item.location
    return _report(item, "skipped", (path, line or 0, f"Skipped: no network namespace: {reason}"))


def _report(item: pytest.Item, outcome: Any, text: str | tuple[str, int, str]) -> pytest.TestReport:
    return pytest.TestReport(item.nodeid, item.location, {MARKER: 1}, outcome, text, "setup")
