"""The flags of deliveries: names and defaults of Flux's controllers, which of them to be, and a few of ours.

One process may be all of Flux's controllers, which have some flags in common: those are said once here.
Source: flux.md sections 2 and 9; departures: docs/deliver.md.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, Final

import click

from controller.flags import GoBool, GoDuration, names
from controller.settings import Flux
from engine.errors import KsealError

SEALED: Final = "sealed"
_PARTS: Final = {"flux-source": "source", "flux-kustomize": "kustomize", "flux-notification": "notification"}
COMPONENTS: Final[Mapping[str, frozenset[str]]] = {
    SEALED: frozenset({SEALED}),
    "flux": frozenset(_PARTS.values()),
    **{word: frozenset({part}) for word, part in _PARTS.items()},
}
"""The words of `--components`, and the parts that each means."""
_GATES: Final = (
    "AdditiveCELDependencyCheck",
    "CacheSecretsAndConfigMaps",
    "CancelHealthCheckOnNewRevision",
    "DirectSourceFetch",
    "DisableConfigWatchers",
    "DisableFailFastBehavior",
    "DisableStatusPollerCache",
    "ExternalArtifact",
    "GroupChangeLog",
    "MigrateAPIVersion",
    "ObjectLevelWorkloadIdentity",
    "StrictPostBuildSubstitutions",
)
"""Feature gates of Flux's controllers. Those that only say how Flux works inside are accepted and mean nothing."""


class _Read(click.ParamType[Any]):
    """A text that is checked, and read, by a function which raises ValueError."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises: click.BadParameter."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def components(text: str) -> frozenset[str]:
    """The parts that some words mean: `sealed`, `source`, `kustomize`, `notification`. Raises: ValueError."""
    words = names(text)
    unknown = [word for word in words if word not in COMPONENTS]
    if unknown or not words:
        raise ValueError(
            f"{', '.join(map(repr, unknown)) or 'nothing'} is no component; there are {_listed(COMPONENTS)}"
        )
    return frozenset().union(*(COMPONENTS[word] for word in words))


def gates(text: str) -> dict[str, bool]:
    """`Name=true,Other=false`. Raises: ValueError for a gate that Flux does not have, and for no boolean."""
    found: dict[str, bool] = {}
    for entry in names(text):
        gate, _, value = entry.partition("=")
        if gate not in _GATES or value.lower() not in ("true", "false"):
            raise ValueError(f"{entry!r} is no gate; write NAME=true or NAME=false with one of {_listed(_GATES)}")
        found[gate] = value.lower() == "true"
    return found


def networks(text: str) -> tuple[str, ...]:
    """Networks by comma, as in `10.0.0.0/8,fd00::/8`; an address alone is a network of one. Raises: ValueError."""
    found = names(text)
    for entry in found:
        try:
            ip_network(entry)
        except ValueError as error:
            raise ValueError(f"{error}; write networks as 10.0.0.0/8,fd00::/8") from error
    return found


def _listed(words: Any) -> str:
    return ", ".join(words)


def _text(name: str, default: str | None, text: str, *variables: str, **more: Any) -> click.Option:
    return click.Option(
        [name], default=default, show_default=bool(default), help=text, envvar=list(variables) or None, **more
    )


def _count(name: str, default: int, text: str, *, least: int = 1) -> click.Option:
    kind = click.IntRange(least)
    return click.Option([name], type=kind, default=default, show_default=True, metavar="N", help=text)


def _duration(name: str, default: str, text: str) -> click.Option:
    return click.Option([name], type=GoDuration(), default=default, show_default=True, help=text)


def _switch(name: str, text: str) -> click.Option:
    return click.Option([name], type=GoBool(), is_flag=False, flag_value="true", default=False, help=text)


_WORK: Final = [
    click.Option(
        ["--components"],
        type=_Read("names", components),
        default=None,
        metavar="NAMES",
        help=f"What to be: {_listed(COMPONENTS)}.  [default: sealed,flux]",
    ),
    _text("--runtime-namespace", "flux-system", "Where the Leases of Flux are.", "RUNTIME_NAMESPACE", metavar="NAME"),
    _text("--watch-label-selector", "", "Work on resources that it matches only.", metavar="LABELS"),
    _count("--concurrent", 4, "Kustomizations that are worked on at once."),
    _count("--concurrent-sources", 2, "Sources that are worked on at once."),
    _count("--concurrent-ssa", 4, "Dry-runs at once, for one Kustomization."),
    _count("--interval-jitter-percentage", 5, "By how much intervals vary.", least=0),
    _duration("--requeue-dependency", "30s", "Pause before a missing dependency is looked for again."),
    _duration("--min-retry-delay", "750ms", "First pause after a failure that may pass; it doubles."),
    _duration("--max-retry-delay", "15m", "Longest such pause."),
    click.Option(
        ["--kube-api-qps"], type=float, default=50.0, show_default=True, metavar="N", help="Requests per second."
    ),
    _count("--kube-api-burst", 300, "Requests above that rate that may go at once."),
    _text("--override-manager", "", "Field managers whose edits are undone too.", metavar="NAMES"),
    _text("--custom-apply-stage-kinds", "", "Kinds that are applied before the common ones.", metavar="KINDS"),
    _text(
        "--watch-configs-label-selector", Flux().config_selector, "ConfigMaps and Secrets to watch.", metavar="LABELS"
    ),
    _text("--feature-gates", "", "Gates of Flux: NAME=true,...", type=_Read("gates", gates), metavar="GATES"),
]
_TRUST: Final = [
    _switch("--lockdown", "Every restriction of tenants at once."),
    _text(
        "--allow-networks",
        "",
        "Networks to be dialled for users although they are refused by default.",
        type=_Read("networks", networks),
        metavar="CIDRS",
    ),
    _text(
        "--deny-networks",
        "",
        "More networks that nobody has dialled.",
        type=_Read("networks", networks),
        metavar="CIDRS",
    ),
    _count("--max-objects", Flux().max_objects, "The most objects of one Kustomization."),
    _switch("--no-cross-namespace-refs", "Refuse references to other namespaces."),
    _switch("--no-remote-bases", "Refuse bases of kustomizations that are addresses."),
    _switch("--insecure-kubeconfig-exec", "Start the programs that kubeconfigs in Secrets name."),
    _switch("--insecure-kubeconfig-tls", "Believe servers that kubeconfigs in Secrets do not have checked."),
    _text("--default-service-account", "", "Whom to act as where a Kustomization names nobody.", metavar="NAME"),
    _text("--sops-age-secret", "", "Secret with age identities for everybody.", metavar="NAME"),
]
_PLACES: Final = [
    _text("--storage-path", "/data", "Folder for artifacts and caches.", "STORAGE_PATH", metavar="FOLDER"),
    _text("--storage-addr", ":9090", "Address of the artifacts.", "STORAGE_ADDRESS", metavar="ADDRESS"),
    _text("--storage-adv-addr", "", "The same as others reach it.", "STORAGE_ADV_ADDR", metavar="ADDRESS"),
    _duration("--artifact-retention-ttl", "1m", "How long a replaced artifact is kept."),
    _count("--artifact-retention-records", 2, "How many artifacts of a source are kept."),
    _count("--http-retry", 9, "Further tries to fetch an artifact from elsewhere.", least=0),
    _text("--receiver-addr", ":9292", "Address of the webhooks.", metavar="ADDRESS"),
    _text("--events-addr", "", "Where events are posted.", "EVENTS_ADDR", metavar="URL"),
    _text("--kustomize", None, "The kustomize program, instead of the one on PATH.", metavar="FILE"),
    _text("--scratch-path", Flux().scratch, "Folder in memory for builds.", metavar="FOLDER"),
]
OPTIONS: Final[list[click.Parameter]] = [*_WORK, *_TRUST, *_PLACES]


def settings(flags: Mapping[str, Any], parts: frozenset[str]) -> Flux:
    """The frozen settings from click's values. Raises: KsealError for flags that contradict each other."""
    opened = [name for name in ("insecure_kubeconfig_exec", "insecure_kubeconfig_tls") if flags[name]]
    if flags["lockdown"] and opened:
        contrary = f"--{opened[0].replace('_', '-')}"
        raise KsealError(f"--lockdown and {contrary} contradict each other", "leave one of them out")
    on: Mapping[str, bool] = flags["feature_gates"] or {}
    return Flux(
        controllers=parts - {SEALED},
        namespace=flags["runtime_namespace"],
        storage_path=flags["storage_path"],
        storage_address=flags["storage_addr"],
        advertised_address=flags["storage_adv_addr"],
        artifact_ttl=flags["artifact_retention_ttl"],
        artifact_records=flags["artifact_retention_records"],
        receiver_address=flags["receiver_addr"],
        events_address=flags["events_addr"],
        concurrent=flags["concurrent"],
        concurrent_sources=flags["concurrent_sources"],
        concurrent_applies=flags["concurrent_ssa"],
        jitter_percent=flags["interval_jitter_percentage"],
        dependency_requeue=flags["requeue_dependency"],
        min_retry_delay=flags["min_retry_delay"],
        max_retry_delay=flags["max_retry_delay"],
        qps=flags["kube_api_qps"],
        burst=flags["kube_api_burst"],
        http_retries=flags["http_retry"],
        no_cross_namespace=flags["no_cross_namespace_refs"],
        no_remote_bases=flags["no_remote_bases"],
        default_account=flags["default_service_account"],
        allows_external_artifacts=on.get("ExternalArtifact", False),
        strict_substitution=on.get("StrictPostBuildSubstitutions", True),
        additive_expressions=on.get("AdditiveCELDependencyCheck", False),
        migrates_versions=on.get("MigrateAPIVersion", False),
        fails_fast=not on.get("DisableFailFastBehavior", False),
        insecure_exec=flags["insecure_kubeconfig_exec"],
        insecure_tls=flags["insecure_kubeconfig_tls"],
        lockdown=flags["lockdown"],
        allow_networks=flags["allow_networks"] or (),
        deny_networks=flags["deny_networks"] or (),
        max_objects=flags["max_objects"],
        overridden_managers=names(flags["override_manager"]),
        custom_stages=frozenset(names(flags["custom_apply_stage_kinds"])),
        label_selector=flags["watch_label_selector"] or None,
        config_selector="" if on.get("DisableConfigWatchers") else flags["watch_configs_label_selector"],
        sops_age_secret=flags["sops_age_secret"],
        kustomize=flags["kustomize"],
        scratch=flags["scratch_path"],
    )
