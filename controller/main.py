"""`kseal controller`: reads flags and environment once, then runs the process until SIGTERM."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from controller import fluxflags
from controller.flags import names
from controller.options import OPTIONS, PREFIX, version_option
from controller.origin import check_origin
from controller.settings import Client, FirstKey, Http, Keys, Logs, Settings, Unsealing, Watched

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

HELP: Final = """Run the controller: SealedSecrets become Secrets and stay right.

It takes the flags of the original controller, also as variables (--key-prefix is SEALED_SECRETS_KEY_PREFIX).
In a pod it uses the pod's account, elsewhere the kubeconfig.

\b
Example:
  kseal controller --kubeconfig ~/.kube/config --listen-addr 127.0.0.1:8080
"""


def run(**flags: object) -> None:
    """Turn flags into settings, and the settings into a process that ends with exit code 0 on SIGTERM.

    Raises: KsealError when it cannot begin.
    """
    check_origin()
    from engine import undumpable

    undumpable.protect()
    made = settings(flags, os.environ)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Only now: parts of another installation may not even import.
    if not made.is_sealed:
        from controller.delivering import DeliveringProcess

        DeliveringProcess(made, os.environ).run(stop)
        return
    from controller.process import Process

    process = Process(made, os.environ)
    signal.signal(signal.SIGUSR1, lambda *_: process.renew_key())
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

    def pairs(name: str) -> dict[str, str]:
        value: Any = flags[name]
        return dict(value or {})

    cutoff = flags["key_cutoff_time"]
    parts = _parts(flags["components"])
    namespace = own_namespace(environ)
    return Settings(
        namespace=namespace,
        identity=own_identity(environ),
        omit_secret_labels=bool(flags["metrics_omit_secret_labels"]),
        watched=Watched(
            namespaces=_namespaces(namespace, names(text("additional_namespaces")), all_=bool(flags["all_namespaces"])),
            label_selector=text("label_selector") or None,
            secrets=not flags["skip_recreate"],
        ),
        keys=Keys(
            prefix=text("key_prefix"),
            size=int(number("key_size")),
            ttl=duration("key_ttl"),
            common_name=text("my_cn"),
            order_by_creation=text("key_order_priority") == "SecretCreationTimestamp",
            first_key=FirstKey(text("first_key")),
            renew_period=duration("key_renew_period"),
            cutoff=cutoff if isinstance(cutoff, datetime) else None,
            labels=pairs("privatekey_labels"),
            annotations=pairs("privatekey_annotations"),
            published_as=text("certificate_config_map"),
            wrap_with=names(text("wrap_keys_with")),
            age_identity_file=text("age_identity_file") or None,
        ),
        unsealing=Unsealing(
            accept_v1_data=bool(flags["accept_deprecated_v1_data"]),
            update_status=bool(flags["update_status"]),
            repair_drift=bool(flags["repair_drift"]),
            delete_secrets=bool(flags["old_gc_behavior"]),
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
            rate=int(number("rate_limit")),
            burst=int(number("rate_limit_burst")),
        ),
        is_sealed=fluxflags.SEALED in parts,
        flux=fluxflags.settings(flags, parts),
        logs=Logs(level=text("log_level"), format=text("log_format"), info_to_stdout=bool(flags["log_info_stdout"])),
    )


def _parts(asked: object) -> frozenset[str]:
    """What to be: what was asked for, else everything, or, under the name of the original program, what that one is."""
    if isinstance(asked, frozenset):
        return asked
    context = click.get_current_context(silent=True)
    is_original = context is not None and context.parent is None and context.info_name == "controller"
    return fluxflags.components(fluxflags.SEALED if is_original else f"{fluxflags.SEALED},flux")


def _namespaces(own: str, additional: tuple[str, ...], *, all_: bool) -> tuple[str, ...] | None:
    """The namespaces to work on, None for all: more than the own one are a restriction too, as in the original."""
    return None if all_ and not additional else tuple(dict.fromkeys((own, *additional)))


def own_identity(environ: Mapping[str, str]) -> str:
    """The name of the pod, by which a container that was restarted finds its own lease again; else one made up.

    A pod runs one of its containers at a time, so its name is never that of two processes. Elsewhere the host's name
    alone would be: something random is added.
    """
    return environ.get("POD_NAME") or f"{socket.gethostname()}_{secrets.token_hex(4)}"


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
    params=[*OPTIONS, version_option()],
    help=HELP,
    context_settings={"auto_envvar_prefix": PREFIX, "help_option_names": ["-h", "--help"]},
)
