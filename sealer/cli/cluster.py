"""The options of verbs that reach a cluster, and the client that they describe."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from engine.kube.config import Connection
    from sealer.certificates import Certificate
    from sealer.service import Service

CONTROLLER_NAME = "sealed-secrets-controller"
CONTROLLER_NAMESPACE = "kube-system"
TIMEOUT_SECONDS = 10.0
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}

OPTIONS = (
    Option(
        ("--kubeconfig",), "Kubeconfig file, instead of KUBECONFIG and ~/.kube/config.", "FILE", environ="KUBECONFIG"
    ),
    Option(("--context",), "Context of the kubeconfig.", "NAME", environ="CONTEXT"),
    Option(("-n", "--namespace"), "Namespace of the object.", "NAME", environ="NAMESPACE"),
    Option(("--as",), "Act as this user.", "USER", environ="AS"),
    Option(("--as-group",), "Act as a member of this group; may be repeated.", "GROUP", many=True, environ="AS_GROUP"),
    Option(
        ("--request-timeout",),
        "How long to wait for an answer, as 5s or 1m [default: 10s].",
        "TIME",
        environ="REQUEST_TIMEOUT",
    ),
    Option(
        ("--controller-name",),
        f"Service of the controller [default: {CONTROLLER_NAME}].",
        "NAME",
        environ="CONTROLLER_NAME",
    ),
    Option(
        ("--controller-namespace",),
        f"Namespace of the controller [default: {CONTROLLER_NAMESPACE}].",
        "NAME",
        environ="CONTROLLER_NAMESPACE",
    ),
)


def connect(given: Given, environ: Mapping[str, str]) -> "Connection":
    """Where the cluster is, from flags, kubeconfig or the account of a pod.

    Raises: Misused; KsealError when there is no usable configuration.
    """
    from engine.kube.config import load
    from engine.kube.impersonate import Impersonate

    user, groups = given.text("as"), given.texts("as-group")
    if groups and not user:
        raise Misused("--as-group needs --as")
    timeout_seconds(given)  # a misused flag is said before anything is tried
    return load(
        kubeconfig=given.text("kubeconfig"),
        context=given.text("context"),
        impersonate=Impersonate(user, groups) if user else None,
        environ=environ,
    )


def service(connection: "Connection", given: Given, *, wait: Callable[[float], None] | None = None) -> "Service":
    """The controller's HTTP API; `wait` sleeps where its limit of requests says so.

    Raises: Misused, CertificateError.
    """
    from engine.kube.client import Cluster
    from sealer.service import Service

    return Service(
        Cluster(connection, timeout_seconds=timeout_seconds(given)),
        namespace=given.text("controller-namespace") or CONTROLLER_NAMESPACE,
        name=given.text("controller-name") or CONTROLLER_NAME,
        wait=wait,
    )


def controllers_certificate(connection: "Connection", given: Given) -> "Certificate":
    """The newest certificate of the controller.

    Raises: Misused, CertificateError.
    """
    from engine.kube.client import Cluster
    from sealer import certificates

    cluster = Cluster(connection, timeout_seconds=timeout_seconds(given))
    try:
        return certificates.from_controller(
            cluster,
            namespace=given.text("controller-namespace") or CONTROLLER_NAMESPACE,
            name=given.text("controller-name") or CONTROLLER_NAME,
        )
    finally:
        cluster.close()


def timeout_seconds(given: Given) -> float:
    """`--request-timeout` as kubectl reads it: a duration of Go, or a plain number of seconds.

    Raises: Misused for anything else, and for zero: a call that may wait for ever is no use in a pipeline.
    """
    text = given.text("request-timeout")
    if text is None:
        return TIMEOUT_SECONDS
    total, number, unit = 0.0, "", ""
    try:
        for character in text + "\0":
            if number and unit and (character.isdigit() or character == "\0"):
                total, number, unit = total + float(number) * _UNIT_SECONDS[unit], "", ""
            if character.isascii() and (character.isdigit() or character == ".") and not unit:
                number += character
            elif character != "\0":
                unit += character
        if number:
            total += float(number) * _UNIT_SECONDS[unit]
    except (ValueError, KeyError):
        total = 0.0
    if not 0 < total < float("inf"):
        raise Misused(f'--request-timeout: "{text}" is no time above zero', hint="for example 5s or 1m30s")
    return total
