"""A line without a verb: what it does is said by flags, `-e -d -r --set`, and without one of those it edits.

Of several only the last is done; the original does them all, and shows the last. Source: main.go, app.Action.
"""

from sealer.cli.sops.call import BAD_SET, NO_FILE, Call, Failed
from sealer.sops.errors import BadPath

_MODES = ("encrypt", "decrypt", "rotate", "set")


def run(call: Call) -> int:
    """Do what the flags say."""
    if not call.words:
        raise Failed("Error: no file specified", NO_FILE, "see kseal sops --help")
    path = call.file()
    call.check_output()
    modes = [mode for mode in _MODES if call.flag(mode) or call.text(mode)]
    if len(modes) > 1:
        call.voice.warning(
            f"more than one of {', '.join('--' + mode for mode in modes)} is given; only the last counts"
        )
    mode = modes[-1] if modes else "edit"
    from sealer.cli.sops.rotate import refuse_missing

    refuse_missing(call, path, "use `--kms` and `--pgp` instead.")
    if mode in {"encrypt", "decrypt", "rotate"}:
        call.must_exist(path)
    if mode not in {"encrypt", "decrypt"}:
        call.rule(call.name_of(path), call.context())  # a configuration that cannot be used is an error for all these
    _run(call, mode, path)
    return 0


def _run(call: Call, mode: str, path: str) -> None:
    if mode == "decrypt":
        from sealer.cli.sops.decrypt import decrypt

        decrypt(call, path)
    elif mode == "encrypt":
        from sealer.cli.sops.encrypt import encrypt

        encrypt(call, path, context_for_rule=call.context())
    elif mode == "rotate":
        from sealer.cli.sops.rotate import rotate

        rotate(call, path)
    elif mode == "set":
        _set(call, path)
    else:
        from sealer.cli.sops.edit import edit

        edit(call, path, rule_context=call.context())


def _set(call: Call, path: str) -> None:
    from sealer.cli.sops import jsonvalue
    from sealer.cli.sops.set import set_in_file
    from sealer.sops.index import parse

    place, mark, value = call.text("set").partition("] ")
    if not mark:
        raise Failed("Invalid --set format", BAD_SET, """for example: --set '["key"] "text"'""")
    parsed = jsonvalue.parse(value)
    try:
        set_in_file(call, path, parse(place.rstrip(" ") + "]"), parsed)
    except BadPath as error:
        raise Failed("Invalid --set format", BAD_SET, error.message) from error
