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
class Flux:
    """Deliveries: the flags of Flux's controllers, with their names, defaults and units where there is such a flag."""

    controllers: frozenset[str] = frozenset()
    """Which of `source`, `kustomize` and `notification` this process is; none: no deliveries."""
    namespace: str = "flux-system"
    """Where the Leases of Flux's controllers are, and what their own Secrets and ConfigMaps are read from."""
    storage_path: str = "/data"
    """Artifacts, mirrors of repositories and what is remembered of applies: all of it can be made again."""
    storage_address: str = ":9090"
    """Where artifacts are served."""
    advertised_address: str = ""
    """Host and port that consumers are told; empty: the Service of the source controller in `namespace`."""
    artifact_ttl: timedelta = timedelta(minutes=1)
    """How long an artifact is kept that a newer one has replaced."""
    artifact_records: int = 2
    """How many artifacts of a source are kept whatever their age."""
    receiver_address: str = ":9292"
    """Where webhooks come in."""
    events_address: str = ""
    """Where events are posted, beside the core Events; empty: nowhere."""
    concurrent: int = 4
    """Kustomizations that are worked on at once."""
    concurrent_sources: int = 2
    """Sources that are worked on at once."""
    concurrent_applies: int = 4
    """Dry-runs at once, for one Kustomization."""
    jitter_percent: int = 5
    """By how much intervals vary, so that what began together does not stay together."""
    dependency_requeue: timedelta = timedelta(seconds=30)
    """When a Kustomization is looked at again whose dependency or source is not there."""
    min_retry_delay: timedelta = timedelta(milliseconds=750)
    """The first pause after a failure that may pass; it doubles."""
    max_retry_delay: timedelta = timedelta(minutes=15)
    """The longest such pause."""
    qps: float = 50.0
    """Requests per second to the API server, of each of the controllers."""
    burst: int = 300
    """Requests above that rate that may go at once."""
    http_retries: int = 9
    """How often the fetch of an artifact from elsewhere is tried again."""
    no_cross_namespace: bool = False
    """Refuse references to other namespaces."""
    no_remote_bases: bool = False
    """Refuse bases that are addresses."""
    default_account: str = ""
    """Whom to act as where a Kustomization names no service account; empty: oneself."""
    default_decryption_account: str = ""
    default_kubeconfig_account: str = ""
    allows_external_artifacts: bool = False
    """Feature gate ExternalArtifact."""
    strict_substitution: bool = True
    """Feature gate StrictPostBuildSubstitutions: a variable that nobody defines is an error."""
    additive_expressions: bool = False
    """Feature gate AdditiveCELDependencyCheck: readyExpr adds to the built-in test instead of replacing it."""
    migrates_versions: bool = False
    """Feature gate MigrateAPIVersion: fields applied in another version of a kind become those of this one."""
    fails_fast: bool = True
    """Not feature gate DisableFailFastBehavior: the first failed object ends the wait for the others."""
    insecure_exec: bool = False
    """Run programs that kubeconfigs of tenants name."""
    insecure_tls: bool = False
    """Believe servers that kubeconfigs of tenants do not want checked."""
    lockdown: bool = False
    """Every restriction at once, and no work without the guards of builds."""
    allow_networks: tuple[str, ...] = ()
    """Networks that may be dialled for users although they are refused by default."""
    deny_networks: tuple[str, ...] = ()
    """More networks that are dialled for nobody; of two that fit an address the narrower one counts."""
    max_objects: int = 10_000
    """The most objects that one Kustomization may have; an inventory of more outgrows what the API server stores."""
    overridden_managers: tuple[str, ...] = ()
    """More field managers whose edits are undone."""
    custom_stages: frozenset[str] = frozenset()
    """Kinds (`group/Kind`, `Kind`) that are applied, and waited for, before the common ones."""
    label_selector: str | None = None
    """Only resources with these labels: how the work is split among shards."""
    config_selector: str = "reconcile.fluxcd.io/watch=Enabled"
    """Labels of ConfigMaps and Secrets whose users are looked at when they change."""
    sops_age_secret: str = ""
    """Secret in `namespace` whose age identities open what comes without a decryption Secret."""
    kustomize: str | None = None
    """The kustomize program; None looks on PATH."""
    scratch: str = "/dev/shm"  # noqa: S108 - folders below it are made with names of their own, for us alone
    """A file system in memory, where builds lie that may hold decrypted files."""

    @property
    def restricts_references(self) -> bool:
        return self.no_cross_namespace or self.lockdown

    @property
    def account(self) -> str:
        """Whom to act as by default: under lockdown nobody's deliveries run as the controller."""
        return self.default_account or ("default" if self.lockdown else "")

    def share_of(self, workers: int) -> int | None:
        """How many of some workers may be busy for one namespace; None: all. Under lockdown one is left to the others,
        whatever a namespace makes the rest wait for."""
        return max(1, workers - 1) if self.lockdown else None

    @property
    def remote_bases(self) -> bool:
        return not (self.no_remote_bases or self.lockdown)


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
    is_sealed: bool = True
    """Whether this process works on SealedSecrets."""
    flux: Flux = field(default_factory=Flux)
