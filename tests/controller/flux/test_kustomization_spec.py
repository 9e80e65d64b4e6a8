"""What a Kustomization asks for: the defaults of Flux, and paths that stay inside."""

from datetime import timedelta

import pytest

from controller.flux.names import Name
from controller.flux.spec import read
from engine.errors import Stalled


def kustomization(**spec: object) -> dict:
    source = {"kind": "GitRepository", "name": "fleet"}
    return {
        "metadata": {"name": "web", "namespace": "apps"},
        "spec": {"interval": "5m", "prune": True, "sourceRef": source, **spec},
    }


@pytest.mark.parametrize(
    ("interval", "timeout", "meant"),
    [("5m", None, 270), ("20s", None, 30), ("5m", "1m", 60), ("5m", "10s", 30), ("1h", "2h", 7200)],
)
def test_the_timeout_is_the_interval_less_half_a_minute_and_never_below_it(
    interval: str, timeout: str | None, meant: int
) -> None:
    given = {"interval": interval} | ({"timeout": timeout} if timeout else {})
    assert read(kustomization(**given)).timeout == timedelta(seconds=meant)


def test_a_failure_is_tried_again_after_the_interval_unless_said_otherwise() -> None:
    assert read(kustomization()).retry_interval == timedelta(minutes=5)
    assert read(kustomization(retryInterval="30s")).retry_interval == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("./apps/web", "apps/web"),
        ("apps//web/", "apps/web"),
        ("../../etc", "etc"),
        ("/apps/../web", "web"),
        ("./", ""),
        ("", ""),
    ],
)
def test_a_path_never_leaves_the_root(path: str, meant: str) -> None:
    assert read(kustomization(path=path)).overlay.path == meant


def test_references_mean_the_own_namespace_unless_they_name_one() -> None:
    spec = read(
        kustomization(
            sourceRef={"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"},
            dependsOn=[{"name": "infra"}, {"name": "x", "namespace": "y", "readyExpr": "true"}],
        )
    )
    assert spec.source.at == Name("flux-system", "fleet")
    assert [dependency.at for dependency in spec.depends_on] == [Name("apps", "infra"), Name("y", "x")]
    assert spec.depends_on[1].ready_expression == "true"


def test_a_health_check_without_a_version_means_apps() -> None:
    spec = read(kustomization(healthChecks=[{"kind": "Deployment", "name": "web", "namespace": "apps"}]))
    assert str(spec.health_checks[0]) == "Deployment/apps/web"
    assert spec.health_checks[0].group == "apps"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"interval": "soon"}, "spec.interval"),
        ({"interval": None}, "spec.interval"),
        ({"decryption": {"provider": "vault"}}, "spec.decryption.provider"),
    ],
)
def test_what_nobody_can_carry_out_names_the_field(wrong: dict, named: str) -> None:
    with pytest.raises(Stalled, match=named):
        read(kustomization(**wrong))
