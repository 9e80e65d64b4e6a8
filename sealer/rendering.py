"""`spec.template.data`: Go templates over the plain values of one SealedSecret.

Source: sealed-secrets.md section 2, Template rendering.
"""

from collections.abc import Mapping

from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.template import parse
from engine.gotemplate.values import string_map
from sealer.sealedsecret import LiveValue


def render(
    templates: Mapping[str, str], values: Mapping[str, bytes], live_value: LiveValue | None = None
) -> dict[str, bytes]:
    """The rendered items by key, without those that are sealed values too: these win.

    Each template sees the plain values, and the unrendered text of the other templates. One whose output differs each
    time (a password, a certificate, the time) keeps the live value, so that looking again does not change a Secret.

    Raises: TemplateError, which carries no value.
    """
    rendered: dict[str, bytes] = {}
    for key, text in sorted(templates.items()):
        if key in values:
            continue
        template = parse(key, text, TABLE)
        live = live_value(key) if live_value is not None and template.is_volatile else None
        if live is None:
            others = {name: other.encode(errors="replace") for name, other in templates.items() if name != key}
            live = template.render(string_map({**others, **values}))
        rendered[key] = live
    return rendered
