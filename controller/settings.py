"""Everything that can be set, as frozen values: read once in `main` from flags and environment, then passed down.

Names, defaults and units are those of the original controller; where ours differ, the field says why and
`docs/controller.md` lists it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    renew_period: timedelta = timedelta(hours=720)
    """A newer key is made when the newest is so old; 0 or less: only when somebody asks."""
    cutoff: datetime | None = None
    """A newest key from before this time is succeeded at the start."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """More labels for the Secret of a new key; the one that makes it a key stays."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations for the Secret of a new key."""
    published_as: str = "sealed-secrets-controller-certificate"
    """Ours: the ConfigMap that the newest certificate is kept in; empty for none."""
    wrap_with: tuple[str, ...] = ()
    """Ours: keys that new sealing keys are wrapped with, and the only ones but age's that wrapped ones are opened with;
    none: new sealing keys are plain, as the original reads them."""
    age_identity_file: str | None = None
    """Ours: what opens sealing keys that are wrapped for an age recipient."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Which objects the controller works on."""

    namespaces: tuple[str, ...] | None = None
    """None for all of them."""
    label_selector: str | None = None
    """Only SealedSecrets that it matches; of Secrets, too, only those that it matches are watched."""
    secrets: bool = True
    """Watch Secrets, so that a deleted or edited one is put right. The original's --skip-recreate turns it off."""

    @property
    def sees_every_secret(self) -> bool:
        """A Secret that the watch does not show is not there."""
        return self.secrets and self.label_selector is None


@dataclass(frozen=True, slots=True)
class Unsealing:
    """How SealedSecrets become Secrets."""

    accept_v1_data: bool = True
    """Open the deprecated single blob in `spec.data`."""
    update_status: bool = True
    """Write the Synced condition."""
    repair_drift: bool = True
    """Ours: revert edits of a Secret that we own. The original only recreates what was deleted."""
    delete_secrets: bool = False
    """Delete the Secret when its SealedSecret goes, beside the owner reference: the original's --old-gc-behavior."""
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
    """The two listeners, and how much of their time a client may take."""

    address: str = ":8080"
    """Certificate and probes."""
    metrics_address: str = ":8081"
    """Metrics."""
    read_timeout: timedelta = timedelta(minutes=2)
    """For a whole request."""
    write_timeout: timedelta = timedelta(minutes=2)
    """For a whole answer."""
    rate: int = 2
    """Requests per second that one client may have verified, resealed or identified."""
    burst: int = 2
    """How many more at once."""


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
    identity: str
    """Who we are among the replicas: two processes that run at the same time never have the same one."""
    omit_secret_labels: bool = False
    """Show no series that names a SealedSecret."""
    watched: Watched = field(default_factory=Watched)
    keys: Keys = field(default_factory=Keys)
    unsealing: Unsealing = field(default_factory=Unsealing)
    client: Client = field(default_factory=Client)
    http: Http = field(default_factory=Http)
    logs: Logs = field(default_factory=Logs)
