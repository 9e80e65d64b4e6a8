"""The flags of `kseal controller`: names and defaults of the original, and a few of ours.

Each is also a variable, SEALED_SECRETS_NAME. Source: sealed-secrets.md section 5; departures: docs/controller.md.
"""

from typing import Final

import click

from controller import fluxflags
from controller.flags import NAME_PREFIX, OBJECT_NAME, WRAPPING_KEYS, GoBool, GoDuration, GoTime, Pairs
from controller.settings import FirstKey, Keys
from engine.version import VERSION
from sealer.secret import check_annotations, check_labels

PREFIX: Final = "SEALED_SECRETS"
ORIGINAL_VERSION: Final = "v0.38.4"
"""The release of the original whose flags, answers and metrics these are."""

_BOOL: Final = GoBool()
_DURATION: Final = GoDuration()


def _switch(name: str, *, default: bool, text: str) -> click.Option:
    shown = f"{text}  [default: {str(default).lower()}]"  # as it is typed; click would write True
    return click.Option([name], type=_BOOL, is_flag=False, flag_value="true", default=default, help=shown)


def _duration(name: str, default: str, text: str) -> click.Option:
    return click.Option([name], type=_DURATION, default=default, show_default=True, help=text)


def _text(name: str, default: str | None, text: str, **more: object) -> click.Option:
    return click.Option([name], default=default, show_default=bool(default), help=text, **more)  # type: ignore[arg-type]  # passed through


def _count(name: str, default: int, text: str, *, least: int = 1, most: int | None = None) -> click.Option:
    number = click.IntRange(least, most)
    return click.Option([name], type=number, default=default, show_default=True, metavar="N", help=text)


_CLUSTER: Final = [
    _text(
        "--kubeconfig",
        None,
        "Kubeconfig file, instead of KUBECONFIG, ~/.kube/config or the account of the pod.",
        metavar="FILE",
    ),
    _text("--context", None, "Context of the kubeconfig.", metavar="NAME"),
    click.Option(
        ["--kubeclient-qps"],
        type=float,
        default=0.0,
        metavar="N",
        help="Requests per second and client.  [default: no limit]",
    ),
    _count("--kubeclient-burst", 10, "Requests above that rate that may go at once."),
]
_KEYS: Final = [
    _text("--key-prefix", "sealed-secrets-key", "Name prefix of the key Secrets that it makes.", type=NAME_PREFIX),
    _count("--key-size", 4096, "RSA bits of a new key.", least=2048, most=8192),
    _duration("--key-ttl", "87600h", "Validity of a new key's certificate."),
    _text("--my-cn", "", "Common name in a new key's certificate.", metavar="NAME"),
    click.Option(
        ["--key-renew-period", "--rotate-period"],
        type=_DURATION,
        default="720h",
        show_default=True,
        envvar=[f"{PREFIX}_KEY_RENEW_PERIOD", f"{PREFIX}_ROTATE_PERIOD"],
        help="Make a newer key when the newest is so old; 0: never. --rotate-period is its deprecated name.",
    ),
    _text("--key-cutoff-time", None, "Make a newer key at the start when the newest is from before.", type=GoTime()),
    _text(
        "--key-order-priority",
        "CertNotBefore",
        "Newest key by CertNotBefore or SecretCreationTimestamp.",
        metavar="ORDER",
    ),
    _text("--privatekey-labels", "", "More labels for a new key's Secret.", type=Pairs(check_labels)),
    _text("--privatekey-annotations", "", "Annotations for a new key's Secret.", type=Pairs(check_annotations)),
    _text(
        "--first-key",
        "auto",
        "Make the first key: auto = only where no SealedSecret exists yet.",
        type=click.Choice([choice.value for choice in FirstKey]),
    ),
    _text(
        "--certificate-config-map",
        Keys().published_as,
        "Keep the newest certificate in this ConfigMap too; empty: do not.",
        type=OBJECT_NAME,
    ),
    _text(
        "--wrap-keys-with",
        "",
        "Wrap new keys with these, separated by commas: age:age1..., vault:https://..., aws-kms:arn:...",
        type=WRAPPING_KEYS,
    ),
    _text("--age-identity-file", None, "Open wrapped keys with the age identities in this file.", metavar="FILE"),
    _switch("--watch-for-secrets", default=True, text="Accepted; keys are always watched, in its own namespace only."),
]
_WORK: Final = [
    _switch("--accept-deprecated-v1-data", default=True, text="Open the deprecated spec.data form."),
    _switch("--all-namespaces", default=True, text="Work on all namespaces; false: on its own only."),
    _text("--additional-namespaces", "", "Work on these and on its own only; separated by commas.", metavar="NAMES"),
    _text("--label-selector", "", "Work on SealedSecrets, and watch Secrets, that it matches only.", metavar="LABELS"),
    _switch("--skip-recreate", default=False, text="Do not watch Secrets: edits stand, deleted ones stay away."),
    _switch("--old-gc-behavior", default=False, text="Delete the Secret when its SealedSecret goes."),
    _count("--max-unseal-retries", 5, "Accepted; what may pass is tried again for as long as it takes.", least=0),
    _switch("--update-status", default=True, text="Write the Synced condition."),
    _switch("--repair-drift", default=True, text="Undo edits of the Secrets that it owns."),
]
_HTTP: Final = [
    _text("--listen-addr", ":8080", "Address of certificate, verify, rotate and probes.", metavar="ADDRESS"),
    _text("--listen-metrics-addr", ":8081", "Address of the metrics.", metavar="ADDRESS"),
    _duration("--read-timeout", "2m", "For a whole HTTP request."),
    _duration("--write-timeout", "2m", "For a whole HTTP answer."),
    _count("--rate-limit", 2, "Requests per second that one client may have verified or rotated."),
    _count("--rate-limit-burst", 2, "How many more at once.", least=0),
    _switch("--metrics-omit-secret-labels", default=False, text="Show no metric that names a SealedSecret."),
]
_LOGS: Final = [
    _text("--log-level", "INFO", "DEBUG, INFO, WARN or ERROR.", metavar="LEVEL"),
    _text("--log-format", "text", "text or json.", metavar="FORMAT"),
    _switch(
        "--log-info-stdout", default=True, text="Lines up to INFO on standard output, the others on standard error."
    ),
]
OPTIONS: Final[list[click.Parameter]] = [*_CLUSTER, *_KEYS, *_WORK, *_HTTP, *_LOGS, *fluxflags.OPTIONS]


def version_option() -> click.Option:
    """`--version`: in the words of the original where the program was called by its name, `controller`."""

    def show(context: click.Context, _: click.Parameter, is_asked: bool) -> None:  # click's signature
        if is_asked:
            is_original = context.parent is None and context.info_name == "controller"
            ours = f"kseal {VERSION}"
            click.echo(f"controller version: {ORIGINAL_VERSION} ({ours})" if is_original else ours)
            context.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )
