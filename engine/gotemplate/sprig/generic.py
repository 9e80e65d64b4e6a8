"""The table of functions that SealedSecrets' templates may call: sprig's generic ones, without those that look outside.

`env` and `expandenv` read the environment and `getHostByName` asks the network; they are missing, as in the original.
"""

from engine.gotemplate.sprig import (
    arithmetic,
    cases,
    dates,
    defaults,
    dicts,
    encoding,
    flow,
    json_texts,
    lists,
    paths,
    reflection,
    strings,
    words,
)
from engine.gotemplate.table import Table

_FAMILIES = (strings, words, cases, arithmetic, lists, dicts, defaults, json_texts, encoding, dates, reflection, paths, flow)

TABLE = Table(*(family.FUNCTIONS for family in _FAMILIES))
