"""Everything that can be set, as frozen values: read once in `main` from flags and environment, then passed down.

Names, defaults and units are those of the original controller; where ours differ, the field says why and
`docs/controller.md` lists it.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum


class FirstKey(Enum):
    """Whether a controller that finds no sealing key makes one."""

    AUTO = "auto"
    """Only where no SealedSecret exists yet: a key made beside existing ones would open none of them."""
    ALWAYS = "always"
    """Also beside existing SealedSecrets: the original's behaviour, right after an accepted loss of all keys."""
    NEVER = "never"
    """Keys are brought by someone else."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The sealing keys: Secrets in the controller's own namespace."""

    prefix: str = "sealed-secrets-key"
    """Name prefix of the key Secrets that we make; a Secret of exactly this name is read too (pre-0.9 layout)."""
    size: int = 4096
    """RSA modulus in bits."""
    ttl: timedelta = timedelta(hours=87600)
    """Validity of the certificate of a new key."""
    common_name: str = ""
    """Subject of the certificate of a new key."""
    order_by_creation: bool = False
    """Newest by the Secret's creation time instead of the certificate's notBefore."""
    first_key: FirstKey = FirstKey.AUTO
    """Ours: the original behaves as ALWAYS, and so turns a lost key backup into unreadable SealedSecrets quietly."""


@dataclass(frozen=True, slots=True)
class Unsealing:
    """How SealedSecrets become Secrets."""

    accept_v1_data: bool = True
    """Open the deprecated single blob in `spec.data`."""
    update_status: bool = True
    """Write the Synced condition."""
    repair_drift: bool = True
    """Ours: revert edits of a Secret that we own. The original only recreates what was deleted."""
    workers: int = 8
    """SealedSecrets worked on at once: they mostly wait for the API server, and RSA frees the interpreter lock."""


@dataclass(frozen=True, slots=True)
class Client:
    """Talking to the API server."""

    kubeconfig: str | None = None
    """A file; None for KUBECONFIG, ~/.kube/config or the account of the pod."""
    context: str | None = None
    """A context of the kubeconfig."""
    qps: float = 0.0
    """Requests per second and client; 0 or less is no limit of ours (API Priority and Fairness holds). Original: 5."""
    burst: int = 10
    """Requests above the rate that may go at once."""
    timeout_seconds: float = 30.0
    """For each request but watches."""


@dataclass(frozen=True, slots=True)
class Http:
    """The two listeners."""

    address: str = ":8080"
    """Certificate and probes."""
    metrics_address: str = ":8081"
    """Metrics."""
    read_timeout: timedelta = timedelta(minutes=2)
    """For a whole request."""
    write_timeout: timedelta = timedelta(minutes=2)
    """For a whole answer."""


@dataclass(frozen=True, slots=True)
class Logs:
    """Log lines."""

    level: str = "INFO"
    """DEBUG, INFO, WARN or ERROR."""
    format: str = "text"
    """text or json."""
    info_to_stdout: bool = True
    """Lines up to INFO on standard output, the others on standard error; False: all on standard error."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    namespace: str
    """The controller's own namespace: the only one whose Secrets may be sealing keys."""
    all_namespaces: bool = True
    """Work on every namespace instead of the own one."""
    keys: Keys = field(default_factory=Keys)
    unsealing: Unsealing = field(default_factory=Unsealing)
    client: Client = field(default_factory=Client)
    http: Http = field(default_factory=Http)
    logs: Logs = field(default_factory=Logs)
