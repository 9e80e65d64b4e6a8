"""Where the API server is and how to be let in: from kubeconfigs, or from a pod's service account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from engine.kube import proxy
from engine.kube.account import credentials_of, impersonation_of
from engine.kube.credentials import ClientCertificate, Credentials, Headers, Nobody, TokenFile, read_file
from engine.kube.errors import ConfigError
from engine.kube.impersonate import ActingAs, Impersonate
from engine.kube.kubeconfig import Entry, KubeConfig, names, of_data, read

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Connection:
    """How to speak to one API server. Printing it shows no credentials."""

    server: str
    """`https://host:port`, perhaps with a path; `http://` and `unix:///path/of/socket` serve local helpers."""
    credentials: Credentials = field(default_factory=Nobody, repr=False)
    ca_data: bytes | None = None
    """PEM; None trusts the certificates of the system."""
    insecure: bool = False
    """True accepts any server: whoever sits in between reads and changes everything."""
    tls_server_name: str | None = None
    """The name that the server's certificate must carry, when it is not the host of `server`."""
    proxy_url: str | None = field(default=None, repr=False)
    namespace: str = DEFAULT_NAMESPACE
    origin: str = "the caller"
    """Where all this comes from, for errors: `kubeconfig /x, context "a"`."""

    def headers(self) -> Headers:
        """What goes into the next request to prove who we are. Raises: ConfigError, LoginError."""
        return self.credentials.headers()

    def client_certificate(self) -> ClientCertificate | None:
        """What the next TLS connection presents. Raises: ConfigError, LoginError."""
        return self.credentials.client_certificate()


def load(
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
    cluster: str | None = None,
    user: str | None = None,
    server: str | None = None,
    impersonate: Impersonate | None = None,
    environ: Mapping[str, str],
    service_account: Path = SERVICE_ACCOUNT,
) -> Connection:
    """The connection that kubectl would make with the same flags and environment.

    `kubeconfig` is one file and wins over the environment's KUBECONFIG, a list of files; without both it is
    `~/.kube/config`. `context`, `cluster`, `user` and `server` replace single parts of it. Where there is no
    kubeconfig at all, the service account of the pod is used. Parts of `impersonate` replace those of the kubeconfig.

    Raises: ConfigError naming file, entry and cure; YamlError; LoginError.
    """
    files = read(kubeconfig, environ)
    if files.is_empty and not kubeconfig and not server and environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environ, service_account, impersonate)
    return _connection(files, _choose(files, context, cluster, user, server), server, impersonate, environ)


def of_stranger(
    data: bytes,
    called: str,
    *,
    impersonate: Impersonate | None = None,
    allows_programs: bool = False,
    allows_insecure: bool = False,
) -> Connection:
    """The connection of a kubeconfig that somebody else wrote, say into a Secret that errors call `called`.

    Nothing of this machine may get into it: it names no file, starts no program unless `allows_programs`, and has its
    server checked unless `allows_insecure`. Whether its address may be dialled is for the caller to say.
    Raises: ConfigError, YamlError, LoginError.
    """
    files = of_data(data, called)
    chosen = _choose(files, None, None, None, None)
    for entry, fields in (
        (chosen.cluster, ("certificate-authority",)),
        (chosen.user, ("client-certificate", "client-key", "tokenFile")),
    ):
        for named in fields:
            if entry.text(named) is not None:
                raise ConfigError(f"{entry}: {named} names a file", f"put the content there, as {named}-data or token")
    for program in ("exec", "auth-provider"):
        if chosen.user.mapping(program) is not None and not allows_programs:
            raise ConfigError(f"{chosen.user}: {program} would start a program", "use a token or a client certificate")
    if chosen.cluster.flag("insecure-skip-tls-verify") and not allows_insecure:
        raise ConfigError(f"{chosen.cluster}: insecure-skip-tls-verify", "put certificate-authority-data there")
    if not (chosen.cluster.text("server") or "").startswith("https://"):
        raise ConfigError(f"{chosen.cluster}: its server is not reached by https", "write it as https://HOST:PORT")
    return _connection(files, chosen, None, impersonate, {})


def _connection(
    files: KubeConfig,
    chosen: "_Choice",
    server: str | None,
    impersonate: Impersonate | None,
    environ: Mapping[str, str],
) -> Connection:
    address = _server(chosen.cluster, server)
    # As kubectl: no token goes over a plain connection, where anybody may listen; `kubectl proxy` needs none.
    credentials = credentials_of(chosen.user, chosen.cluster) if address.startswith("https:") else Nobody()
    impersonate = _overridden(impersonation_of(chosen.user), impersonate)
    ca = chosen.cluster.file_or_data("certificate-authority")
    insecure = chosen.cluster.flag("insecure-skip-tls-verify")
    if ca and insecure:
        raise ConfigError(
            f"{chosen.cluster}: has a certificate authority and insecure-skip-tls-verify", "remove one of them"
        )
    return Connection(
        server=address,
        credentials=ActingAs(credentials, impersonate) if impersonate else credentials,
        ca_data=read_file(ca, str(chosen.cluster)) if isinstance(ca, Path) else ca,
        insecure=insecure,
        # As kubectl: the name in the file belongs to the server in the file.
        tls_server_name=None if server else chosen.cluster.text("tls-server-name"),
        proxy_url=chosen.cluster.text("proxy-url") or proxy.from_environment(address, environ),
        namespace=chosen.context.text("namespace") or DEFAULT_NAMESPACE,
        origin=f'kubeconfig {files.where}, context "{chosen.context.name}"',
    )


def _overridden(own: Impersonate | None, told: Impersonate | None) -> Impersonate | None:
    """As kubectl: flags replace single parts of what the kubeconfig says."""
    if own is None or told is None:
        return told or own
    return Impersonate(told.user, told.groups or own.groups, told.uid or own.uid, told.extra or own.extra)


class _Choice(NamedTuple):
    context: Entry
    cluster: Entry
    user: Entry


def _choose(
    files: KubeConfig, context: str | None, cluster: str | None, user: str | None, server: str | None
) -> _Choice:
    """The three entries that count; those that nobody names are empty."""
    name = context or files.current_context
    file = files.files[0] if files.files else Path()
    if name:
        chosen = files.find("context", name)
    elif cluster or server:
        chosen = Entry("context", "", file, {})
    elif files.is_empty:
        raise ConfigError(
            f"no kubeconfig found (looked at {files.where or 'nothing: HOME is not set'})",
            "name one by --kubeconfig or KUBECONFIG",
        )
    else:
        hint = f"choose one by --context (has: {names(files.contexts)})"
        raise ConfigError(f"kubeconfig {files.where}: no current context", hint)
    cluster = cluster or chosen.text("cluster")
    user = user or chosen.text("user")
    if not cluster and not server:
        raise ConfigError(f"{chosen}: names no cluster")
    return _Choice(
        chosen,
        files.find("cluster", cluster) if cluster else Entry("cluster", "", file, {}),
        files.find("user", user) if user else Entry("user", "", file, {}),
    )


def _server(cluster: Entry, override: str | None) -> str:
    server = (override or cluster.text("server") or "").rstrip("/")
    source = "--server" if override else str(cluster)
    if not server:
        raise ConfigError(f"{source}: has no server")
    try:
        url = urlsplit(server)
        usable = url.scheme == "unix" or (url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0)
    except ValueError:
        usable = False
    if not usable or not server.isascii() or not server.isprintable() or " " in server:
        raise ConfigError(f"{source}: {server!r} is no address of a server", "write it as https://HOST:PORT")
    if url.username is not None or url.query or url.fragment:
        raise ConfigError(f"{source}: the server's address must have no user, query or fragment in it")
    return server


def in_cluster(
    environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT, impersonate: Impersonate | None = None
) -> Connection:
    """The connection of a pod, by the account that the kubelet mounts into it and renews.

    Raises: ConfigError when this is no pod, or when the account is not mounted.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    source = f"service account {folder}"
    if not host or not port:
        raise ConfigError(f"{source}: this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    credentials: Credentials = TokenFile(folder / "token", source=source)
    credentials.headers()  # an account that is not mounted is found at start
    return Connection(
        server=server,
        credentials=ActingAs(credentials, impersonate) if impersonate else credentials,
        ca_data=read_file(folder / "ca.crt", source),
        proxy_url=proxy.from_environment(server, environ),
        namespace=environ.get("POD_NAMESPACE") or _namespace(folder) or DEFAULT_NAMESPACE,
        origin=source,
    )


def _namespace(folder: Path) -> str:
    try:
        return (folder / "namespace").read_text().strip()
    except OSError:
        return ""  # kubectl does without it too
