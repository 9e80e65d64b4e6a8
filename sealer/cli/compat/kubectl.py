"""The flags by which programs of Kubernetes say which API server they mean and who they are, and the connection that
they describe. Source: client-go tools/clientcmd overrides.go."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.kube.config import Connection, load
from engine.kube.credentials import Both, CertificateFiles, Credentials, Token, read_file
from engine.kube.errors import ConfigError
from engine.kube.impersonate import ActingAs, Impersonate
from sealer.cli.compat.pflag import Flag, Parsed, boolean, strings

FLAGS = (
    Flag("as", str, "user to act as"),
    Flag("as-group", strings, "group to act as a member of, may be repeated", "stringArray", default=()),
    Flag("as-uid", str, "UID to act as"),
    Flag("certificate-authority", str, "file of the certificate authority that the server is checked by"),
    Flag("client-certificate", str, "file of the client certificate"),
    Flag("client-key", str, "file of the client certificate's key"),
    Flag("cluster", str, "cluster of the kubeconfig"),
    Flag("context", str, "context of the kubeconfig"),
    Flag("disable-compression", boolean, "accepted, without effect: answers are never compressed", ""),
    Flag("insecure-skip-tls-verify", boolean, "trust any server: whoever sits in between reads everything", ""),
    Flag("kubeconfig", str, "kubeconfig file"),
    Flag("namespace", str, "namespace of the object", short="n"),
    Flag("password", str, "refused by API servers since Kubernetes 1.19"),
    Flag("proxy-url", str, "proxy to reach the server by"),
    Flag("request-timeout", str, "how long to wait for an answer: 5s, 1m, or a number of seconds", default="0"),
    Flag("server", str, "address of the API server"),
    Flag("tls-server-name", str, "name that the server's certificate must carry"),
    Flag("token", str, "bearer token"),
    Flag("user", str, "user of the kubeconfig"),
    Flag("username", str, "refused by API servers since Kubernetes 1.19"),
)


def connect(parsed: Parsed, environ: Mapping[str, str]) -> Connection:
    """The connection that flags, kubeconfig and the account of a pod lead to.

    Raises: ConfigError, LoginError.
    """

    def text(name: str) -> str | None:
        value = parsed.values[name]
        return value if isinstance(value, str) and value else None

    if text("username") or text("password"):
        raise ConfigError("user name and password are no longer accepted by API servers (since Kubernetes 1.19)")
    impersonate = _impersonate(parsed)
    connection = load(
        kubeconfig=text("kubeconfig"),
        context=text("context"),
        cluster=text("cluster"),
        user=text("user"),
        server=text("server"),
        impersonate=impersonate,
        environ=environ,
    )
    own = _credentials(text("token"), text("client-certificate"), text("client-key"))
    if own is not None:
        connection = replace(connection, credentials=ActingAs(own, impersonate) if impersonate else own)
    if authority := text("certificate-authority"):
        connection = replace(connection, ca_data=read_file(Path(authority), "--certificate-authority"), insecure=False)
    if parsed.values["insecure-skip-tls-verify"] is True:
        connection = replace(connection, ca_data=None, insecure=True)
    return replace(
        connection,
        tls_server_name=text("tls-server-name") or connection.tls_server_name,
        proxy_url=text("proxy-url") or connection.proxy_url,
        namespace=text("namespace") or connection.namespace,
    )


def _impersonate(parsed: Parsed) -> Impersonate | None:
    user, uid, groups = (parsed.values[name] for name in ("as", "as-uid", "as-group"))
    if not user:
        if uid or groups:
            raise ConfigError("requesting uid or groups without impersonating a user", "say whom with --as")
        return None
    return Impersonate(str(user), groups if isinstance(groups, tuple) else (), str(uid) or None)


def _credentials(token: str | None, certificate: str | None, key: str | None) -> Credentials | None:
    if bool(certificate) != bool(key):
        raise ConfigError("--client-certificate and --client-key belong together")
    bearer = Token(token, source="--token") if token else None
    presented = None
    if certificate and key:
        presented = CertificateFiles(Path(certificate), Path(key), source="--client-certificate")
    return Both(bearer, presented) if bearer and presented else bearer or presented
