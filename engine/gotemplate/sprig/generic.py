"""The table of functions that SealedSecrets' templates may call: sprig's generic ones, without those that look outside.

`env` and `expandenv` read the environment and `getHostByName` asks the network; they are missing, as in the original.
"""

from engine.gotemplate.sprig import (
    arithmetic,
    cases,
    certificates,
    dates,
    defaults,
    dicts,
    encoding,
    flow,
    json_texts,
    lists,
    passwords,
    paths,
    randomness,
    reflection,
    regex,
    strings,
    urls,
    versions,
    words,
)
from engine.gotemplate.table import Table

_FAMILIES = (
    arithmetic, cases, certificates, dates, defaults, dicts, encoding, flow, json_texts, lists,
    passwords, paths, randomness, reflection, regex, strings, urls, versions, words,
)  # fmt: skip

TABLE = Table(*(family.FUNCTIONS for family in _FAMILIES))
