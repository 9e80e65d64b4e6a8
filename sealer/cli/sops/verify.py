"""`kseal sops verify`: are files whole, and are they as the rules of `.sops.yaml` want them?"""

from typing import TYPE_CHECKING, Any

from sealer.cli import files, listing
from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags, many
from sealer.cli.sops.call import Call, Failed
from sealer.cli.sops.many import Found, Many
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops import verify
from sealer.sops.batch import Batch, Done
from sealer.sops.verify import Verdict

if TYPE_CHECKING:
    from sealer.sops.config import Rule

EXAMPLE = "kseal sops verify --recursive clusters/"
_MAC = (verify.AUTO, verify.REQUIRE, verify.SKIP)
_FORMS = ("table", "json")


def run(call: Call) -> int:
    """Say nothing when all is right, else name each file with what is wrong."""
    mac = _one_of(call, "mac", _MAC) or verify.AUTO
    form = _one_of(call, "output", _FORMS)
    if not call.words and call.flag("recursive"):
        call.words = (".",)
    every = Many(call, EXAMPLE, is_for_plain=True)
    call.config(every.found[0].path if every.found else ".")  # one that cannot be read is an error of the whole call
    keys = call.keys()

    def look(found: Found, batch: Batch) -> Verdict:
        source = call.input_format(found.path)
        return verify.verify(found.read(), source, lambda: _rule(call, found.path), every.keys_for(found, batch), mac)

    done = every.each("verifying, file", keys, look)
    failed = every.failures(done)
    _tell(every, done, form, mac)
    return 1 if failed or any(one.result and one.result.problems for one in done) else 0


def _rule(call: Call, path: str) -> "Rule | None":
    return call.rule(call.name_of(path), {})


def _tell(every: Many, done: list[Done[Found, Verdict]], form: str, mac: str) -> None:
    judged = [(one.item.shown, one.result) for one in done if one.result]
    worth = [(shown, verdict) for shown, verdict in judged if verdict.problems or verdict.state == "encrypted"]
    if form == "json":
        files.write_output(listing.as_json([_described(shown, verdict) for shown, verdict in worth]), None)
    elif form == "table":
        rows = [(shown, v.state, v.mac, many.flat("\n".join(v.problems)) or "-") for shown, v in worth]
        files.write_output(listing.table(("FILE", "STATE", "MAC", "PROBLEMS"), rows), None)
    else:
        for shown, verdict in worth:
            for problem in verdict.problems:
                every.terminal.error(f"{shown}: {many.flat(problem)}")
    unchecked = sum(verdict.mac == "not checked" for _, verdict in worth)
    if unchecked and mac == verify.AUTO:
        every.call.voice.info(f"the MAC of {unchecked} of {len(worth)} files is not checked, for want of a key")


def _described(shown: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "file": shown,
        "state": verdict.state,
        "mac": verdict.mac,
        "ok": not verdict.problems,
        "problems": list(verdict.problems),
    }


def _one_of(call: Call, name: str, known: tuple[str, ...]) -> str:
    text = call.text(name)
    if text and text not in known:
        raise Failed(f'--{name} "{text}" is none of {", ".join(known)}', many.MISUSED)
    return text


VERB = SopsVerb(
    "verify",
    "Check files: structure, rules, and with keys the MAC; silent if all is right.",
    "PATH...",
    (
        flags.RECURSIVE,
        Flag(("mac",), "auto: check the MAC where a key is at hand; require: miss no file; skip: use no key", "WHEN"),
        Flag(("output", "o"), "table or json, of all files that are encrypted or should be", "FORM"),
        flags.INPUT_TYPE,
        flags.FILENAME_OVERRIDE,
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    examples=(
        "kseal sops verify secrets.yaml",
        EXAMPLE,
        "kseal sops verify --recursive --mac require -o table .",
    ),
)
