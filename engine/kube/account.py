"""Who a user of a kubeconfig is: its credentials, and whom it acts as."""

from engine.kube.credentials import Both, CertificateFiles, Credentials, Nobody, Token, TokenFile
from engine.kube.errors import ConfigError
from engine.kube.impersonate import Impersonate
from engine.kube.kubeconfig import Entry


def credentials_of(user: Entry, cluster: Entry) -> Credentials:
    """Token, certificate or both; a log-in program or provider only where no token stands in the file, as kubectl does.

    Raises: ConfigError, LoginError.
    """
    source = str(user)
    certificate, key = user.file_or_data("client-certificate"), user.file_or_data("client-key")
    if bool(certificate) != bool(key):
        missing = "client-key" if certificate else "client-certificate"
        raise ConfigError(f"{source}: has no {missing} to go with the other half")
    presented = CertificateFiles(certificate, key, source=source) if certificate and key else None
    bearer = _bearer(user, cluster)
    if bearer is None and presented is None:
        if user.text("username"):
            raise ConfigError(
                f"{source}: user name and password are no longer accepted by API servers (since Kubernetes 1.19)",
                "use a token or a client certificate",
            )
        return Nobody()
    return Both(bearer, presented) if bearer and presented else bearer or presented or Nobody()


def _bearer(user: Entry, cluster: Entry) -> Credentials | None:
    token = user.text("token")
    if (path := user.path("tokenFile")) is not None:
        return TokenFile(path, source=str(user), fallback=token)
    if token is not None:
        return Token(token, source=str(user))
    if user.mapping("exec") is not None or user.mapping("auth-provider") is not None:
        from engine.kube import login  # pulls the official client: a quarter of a second

        return login.log_in(user, cluster)
    return None


def impersonation_of(user: Entry) -> Impersonate | None:
    """Whom this user of a kubeconfig always acts as. Raises: ConfigError."""
    name, uid = user.text("as"), user.text("as-uid")
    groups, extra = user.fields.get("as-groups") or [], user.fields.get("as-user-extra") or {}
    if not name:
        if uid or groups or extra:
            raise ConfigError(f'{user}: groups, uid and extra to act as need a user in "as"')
        return None
    if not _is_texts(groups):
        raise ConfigError(f"{user}: as-groups must be a list of names")
    if not isinstance(extra, dict) or not all(_is_texts(values) for values in extra.values()):
        raise ConfigError(f"{user}: as-user-extra must be a mapping to lists of texts")
    pairs = tuple((str(key), value) for key, values in extra.items() for value in values)
    return Impersonate(name, tuple(groups), uid, pairs)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
