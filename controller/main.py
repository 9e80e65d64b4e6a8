"""`kseal controller`: reads flags and environment once, then runs the process until SIGTERM."""

import os
import signal
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from controller.flags import GoBool, GoDuration
from controller.origin import check_origin
from controller.settings import Client, FirstKey, Http, Keys, Logs, Settings, Unsealing

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_BOOL: Final = GoBool()
_DURATION: Final = GoDuration()

HELP: Final = """Run the controller: SealedSecrets become Secrets and stay right.

It takes the flags of the original controller, also as variables (--key-prefix is SEALED_SECRETS_KEY_PREFIX).
In a pod it uses the pod's account, elsewhere the kubeconfig.

\b
Example:
  kseal controller --kubeconfig ~/.kube/config --listen-addr 127.0.0.1:8080
"""


def _switch(name: str, *, default: bool, text: str) -> click.Option:
    return click.Option(
        [name], type=_BOOL, is_flag=False, flag_value="true", default=default, show_default=True, help=text
    )


def _duration(name: str, default: str, text: str) -> click.Option:
    return click.Option([name], type=_DURATION, default=default, show_default=True, help=text)


def _text(name: str, default: str | None, text: str, **more: object) -> click.Option:
    return click.Option([name], default=default, show_default=bool(default), help=text, **more)  # type: ignore[arg-type]


OPTIONS: Final[list[click.Parameter]] = [
    _text("--kubeconfig", None, "Kubeconfig file, instead of KUBECONFIG, ~/.kube/config or the account of the pod."),
    _text("--context", None, "Context of the kubeconfig."),
    _text("--key-prefix", "sealed-secrets-key", "Name prefix of key Secrets."),
    click.Option(["--key-size"], type=click.IntRange(2048, 8192), default=4096, show_default=True, help="RSA bits."),
    _duration("--key-ttl", "87600h", "Validity of a new key's certificate."),
    _text("--my-cn", "", "Common name in a new key's certificate."),
    _text("--key-order-priority", "CertNotBefore", "Newest key by CertNotBefore or SecretCreationTimestamp."),
    _text(
        "--first-key",
        "auto",
        "Make the first key: auto = only where no SealedSecret exists yet.",
        type=click.Choice([choice.value for choice in FirstKey]),
    ),
    _switch("--accept-deprecated-v1-data", default=True, text="Open the deprecated spec.data form."),
    _switch("--all-namespaces", default=True, text="Work on all namespaces; false: on the own one."),
    _switch("--update-status", default=True, text="Write the Synced condition."),
    _switch("--repair-drift", default=True, text="Revert edits of the Secrets that it owns."),
    click.Option(
        ["--kubeclient-qps"], type=float, default=0.0, help="Requests per second and client.  [default: no limit]"
    ),
    click.Option(
        ["--kubeclient-burst"], type=click.IntRange(1), default=10, show_default=True, help="Requests at once."
    ),
    _text("--listen-addr", ":8080", "Address of certificate and probes."),
    _text("--listen-metrics-addr", ":8081", "Address of the metrics."),
    _duration("--read-timeout", "2m", "For a whole HTTP request."),
    _duration("--write-timeout", "2m", "For a whole HTTP answer."),
    _text("--log-level", "INFO", "DEBUG, INFO, WARN or ERROR."),
    _text("--log-format", "text", "text or json."),
    _switch(
        "--log-info-stdout", default=True, text="Lines up to INFO on standard output, the others on standard error."
    ),
]


def run(**flags: object) -> None:
    """Turn flags into settings, and the settings into a process that ends with exit code 0 on SIGTERM.

    Raises: KsealError when it cannot begin.
    """
    check_origin()
    from controller.process import Process  # only now: parts of another installation may not even import

    process = Process(settings(flags, os.environ), os.environ)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    process.run(stop)


def settings(flags: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """The frozen settings from click's values."""

    def text(name: str) -> str:
        value = flags[name]
        return value if isinstance(value, str) else ""

    def number(name: str) -> float:
        value = flags[name]
        assert isinstance(value, int | float)  # noqa: S101 - click has converted it
        return value

    def duration(name: str) -> timedelta:
        value = flags[name]
        assert isinstance(value, timedelta)  # noqa: S101 - click has converted it
        return value

    return Settings(
        namespace=own_namespace(environ),
        all_namespaces=bool(flags["all_namespaces"]),
        keys=Keys(
            prefix=text("key_prefix"),
            size=int(number("key_size")),
            ttl=duration("key_ttl"),
            common_name=text("my_cn"),
            order_by_creation=text("key_order_priority") == "SecretCreationTimestamp",
            first_key=FirstKey(text("first_key")),
        ),
        unsealing=Unsealing(
            accept_v1_data=bool(flags["accept_deprecated_v1_data"]),
            update_status=bool(flags["update_status"]),
            repair_drift=bool(flags["repair_drift"]),
        ),
        client=Client(
            kubeconfig=text("kubeconfig") or None,
            context=text("context") or None,
            qps=number("kubeclient_qps"),
            burst=int(number("kubeclient_burst")),
        ),
        http=Http(
            address=text("listen_addr"),
            metrics_address=text("listen_metrics_addr"),
            read_timeout=duration("read_timeout"),
            write_timeout=duration("write_timeout"),
        ),
        logs=Logs(level=text("log_level"), format=text("log_format"), info_to_stdout=bool(flags["log_info_stdout"])),
    )


def own_namespace(environ: Mapping[str, str]) -> str:
    """POD_NAMESPACE, else the namespace of the pod's account, else `default`, as the original decides."""
    if namespace := environ.get("POD_NAMESPACE"):
        return namespace
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"


command: Final = click.Command(
    "controller",
    callback=run,
    params=OPTIONS,
    help=HELP,
    context_settings={"auto_envvar_prefix": "SEALED_SECRETS", "help_option_names": ["-h", "--help"]},
)
