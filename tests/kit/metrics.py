"""What an API server was asked, read from its own counters: the proof of "costs no write" and the like."""

import re
from collections import Counter
from typing import NamedTuple

_SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<count>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Request(NamedTuple):
    """A kind of request, as the label values of `apiserver_request_total`."""

    verb: str
    """Upper case: GET, LIST, WATCH (counted when the watch ends), POST, PUT, PATCH, APPLY, DELETE, CONNECT."""
    group: str
    """The API group, empty for the core group."""
    resource: str
    subresource: str
    code: int


def requests(metrics: str) -> Counter[Request]:
    """Read the text of `/metrics`. The difference of two such counters is what was asked in between."""
    found: Counter[Request] = Counter()
    for sample in _SAMPLE.finditer(metrics):
        labels = dict(_LABEL.findall(sample["labels"]))
        request = Request(
            labels["verb"], labels["group"], labels["resource"], labels["subresource"], int(labels["code"])
        )
        found[request] += int(float(sample["count"]))
    return found
