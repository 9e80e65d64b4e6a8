"""`kubeseal`: the original's command line, messages and exit codes over our functions.

Where the original has quirks that lose data or hide mistakes, ours differs; docs/kubeseal.md lists each.
Source: sealed-secrets.md sections 3 and 4.
"""

import sys
from collections.abc import Mapping, Sequence

from engine.errors import KsealError
from engine.version import VERSION
from sealer.cli import files
from sealer.cli.compat import klog, kubectl
from sealer.cli.compat.call import Call, Failure
from sealer.cli.compat.pflag import Flag, HelpAsked, Value, Wrong, boolean, csv_strings, parse, usage
from sealer.scope import Scope

BASELINE = "v0.38.4"
PREFIX = "SEALED_SECRETS"
DONE, FAILED, WRONG = 0, 1, 2


def _scope(text: str) -> Value:
    if not text:
        return Scope.STRICT.flag
    if text not in {scope.flag for scope in Scope}:
        raise ValueError("must be one of: strict, namespace-wide, cluster-wide")
    return text


FLAGS = (
    Flag("allow-empty-data", boolean, "seal Secrets without data too", ""),
    Flag("cert", str, "file or URL of the certificate to seal with, instead of asking the controller"),
    Flag("controller-name", str, "Service of the controller", default="sealed-secrets-controller"),
    Flag("controller-namespace", str, "namespace of the controller", default="kube-system"),
    Flag("fetch-cert", boolean, "print the certificate", ""),
    Flag("format", str, "form of the output, json or yaml", short="o", default="json"),
    Flag("from-file", csv_strings, "with --raw: file of the value, or KEY=FILE", "strings", default=()),
    Flag("help", boolean, "print this help", ""),
    Flag("merge-into", str, "add or replace items in the SealedSecret of this file"),
    Flag("name", str, "name of the Secret; needed by --raw in strict scope"),
    Flag("raw", boolean, "seal one value instead of a Secret", ""),
    Flag("re-encrypt", boolean, "bring a SealedSecret under the newest key, through the controller", ""),
    Flag("recovery-private-key", csv_strings, "with --recovery-unseal: files of private keys", "strings", default=()),
    Flag("recovery-unseal", boolean, "open a SealedSecret offline", ""),
    Flag("rotate", boolean, "the former name of --re-encrypt", "", successor="re-encrypt"),
    Flag("scope", _scope, "strict, namespace-wide or cluster-wide", default="strict"),
    Flag("sealed-secret-file", str, "file to write to, instead of standard output", short="w"),
    Flag("secret-file", str, "file to read, instead of standard input", short="f"),
    Flag("validate", boolean, "ask the controller whether it can open a SealedSecret", ""),
    Flag("version", boolean, "print the version", ""),
    *kubectl.FLAGS,
    *klog.FLAGS,
)


def call(words: Sequence[str], environ: Mapping[str, str], called: str = "kubeseal") -> int:
    """Run one command line; the exit code. Streams are the original's: of a wrong line only the heading of the usage
    goes to standard error."""
    try:
        parsed = parse(FLAGS, words, environ, PREFIX)
    except HelpAsked:
        _say(f"Usage of {called}:\n")
        files.write_output(usage(FLAGS), None)
        return DONE
    except Wrong as error:
        _say(f"Usage of {called}:\n")
        files.write_output(f"{usage(FLAGS)}{error}\n", None)
        return WRONG
    for flag in parsed.deprecated:
        files.write_output(f"Flag --{flag.name} has been deprecated, please use --{flag.successor} instead\n", None)
    if parsed.values["version"]:
        files.write_output(f"kubeseal version: {BASELINE} (kseal {VERSION})\n", None)
        return DONE
    if parsed.values["help"]:
        files.write_output(f"Usage of {called}:\n{usage(FLAGS)}", None)
        return DONE
    try:
        _run(Call(parsed, environ, _say))
    except BrokenPipeError:
        return FAILED
    except KsealError as error:
        _say(f"error: {error.message}\n")
        return FAILED
    return DONE


def _run(call: Call) -> None:
    """The mode that the flags ask for; where they ask for several, the first of this order."""
    if call.texts("from-file") and not call.flag("raw"):
        raise Failure("--from-file requires --raw")
    call.check_input()
    if call.flag("recovery-unseal"):
        from sealer.cli.compat import recovery

        return recovery.unseal(call)
    if call.flag("validate") or call.flag("re-encrypt") or call.flag("rotate"):
        from sealer.cli.compat import online

        return online.validate(call) if call.flag("validate") else online.reencrypt(call)
    from sealer.cli.compat import offline

    if call.flag("fetch-cert"):
        return offline.fetch_certificate(call)
    if call.text("merge-into"):
        return offline.merge_into(call)
    return offline.seal_raw(call) if call.flag("raw") else offline.seal(call)


def _say(text: str) -> None:
    from sealer.cli.terminal import printable

    if sys.stderr is not None:
        sys.stderr.write("\n".join(map(printable, text.split("\n"))))
        sys.stderr.flush()
