"""Names, types and labels of the metrics, and series that end with their object."""

import re
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.runtime.metrics import KeysShown, Metrics
from controller.runtime.outcome import Outcome, Phase, failed
from engine.errors import Stalled

READY = Outcome(ready=True, action="created")
BROKEN = failed(Stalled("no key"), Phase.UNSEAL)


def sealed_secret(name: str = "db", **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": name, "labels": labels}}


def samples(metrics: Metrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if sample.name == f"sealed_secrets_controller_{name}":
                found[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def condition(name: str, instance: str = "") -> tuple[tuple[str, str], ...]:
    return (
        ("condition", "Synced"),
        ("name", name),
        ("namespace", "shop"),
        ("ss_app_kubernetes_io_instance", instance),
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("build_info", "gauge"),
        ("unseal_requests_total", "counter"),
        ("unseal_errors_total", "counter"),
        ("condition_info", "gauge"),
        ("http_requests_total", "counter"),
        ("http_request_duration_seconds", "histogram"),
    ],
)
def test_the_original_s_metrics_have_their_names_and_types(name: str, kind: str) -> None:
    text = Metrics("v1").exposition().decode()
    assert re.search(rf"^# TYPE sealed_secrets_controller_{name} {kind}$", text, re.MULTILINE)


def test_no_series_tells_when_a_counter_was_created() -> None:
    metrics = Metrics("v1")
    metrics.observe(sealed_secret(), BROKEN)
    metrics.request("/v1/cert.pem", "GET", 200, 0.001)
    assert "_created" not in metrics.exposition().decode()


def test_the_revision_is_a_label() -> None:
    assert samples(Metrics("v1"), "build_info") == {(("revision", "v1"),): 1}


def test_process_figures_are_there() -> None:
    assert b"process_resident_memory_bytes" in Metrics("v1").exposition()


def test_a_condition_is_one_or_minus_one_and_ends_with_its_object() -> None:
    metrics = Metrics("v1")
    metrics.observe(sealed_secret("db"), READY)
    metrics.observe(sealed_secret("cache"), BROKEN)
    assert samples(metrics, "condition_info") == {condition("db"): 1, condition("cache"): -1}
    metrics.forget("shop", "db")
    metrics.forget("shop", "never-seen")
    assert samples(metrics, "condition_info") == {condition("cache"): -1}


def test_a_changed_instance_label_leaves_no_second_series() -> None:
    metrics = Metrics("v1")
    instance = "app.kubernetes.io/instance"
    metrics.observe(sealed_secret("db", **{instance: "one"}), READY)
    metrics.observe(sealed_secret("db", **{instance: "two"}), BROKEN)
    assert samples(metrics, "condition_info") == {condition("db", "two"): -1}


def test_deletions_count_as_requests_too() -> None:
    metrics = Metrics("v1")
    metrics.observe(sealed_secret(), READY)
    metrics.forget("shop", "db")
    assert samples(metrics, "unseal_requests_total") == {(): 2}


def test_failures_are_counted_by_reason_and_namespace() -> None:
    metrics = Metrics("v1")
    metrics.observe(sealed_secret(), BROKEN)
    metrics.error(Phase.STATUS, "shop")
    assert samples(metrics, "unseal_errors_total") == {
        (("namespace", "shop"), ("reason", "unseal")): 1,
        (("namespace", "shop"), ("reason", "status")): 1,
    }


def test_strangers_cannot_make_up_series_by_their_requests() -> None:
    metrics = Metrics("v1")
    for number in range(50):
        metrics.request(None, f"VERB{number}", 404, 0.001)
    assert samples(metrics, "http_requests_total") == {(("code", "404"), ("method", "other"), ("path", "other")): 50}


def test_requests_are_counted_and_timed() -> None:
    metrics = Metrics("v1")
    metrics.request("/v1/cert.pem", "GET", 200, 0.02)
    labels = (("method", "get"), ("path", "/v1/cert.pem"))
    assert samples(metrics, "http_requests_total") == {(("code", "200"), *labels): 1}
    buckets = samples(metrics, "http_request_duration_seconds_bucket")
    assert buckets[tuple(sorted((*labels, ("le", "0.01"))))] == 0
    assert buckets[tuple(sorted((*labels, ("le", "0.025"))))] == 1


def test_figures_that_are_asked_for_are_read_then() -> None:
    metrics = Metrics("v1")
    depth = [3]
    keys = KeysShown({"active": 2, "unreadable": 1}, {"SHA256:a": 7}, newest_at=time.time() - 60, newest_until=99.0)
    metrics.watch(queue_depth=lambda: depth[0], watch_idle_seconds=lambda: 1.5, leads=lambda: True, keys=lambda: keys)
    depth[0] = 7
    assert samples(metrics, "queue_depth") == {(): 7}
    assert samples(metrics, "watch_idle_seconds") == {(): 1.5}
    assert samples(metrics, "leader") == {(): 1}
    assert samples(metrics, "keys") == {(("state", "active"),): 2, (("state", "unreadable"),): 1}
    assert samples(metrics, "key_sealed_secrets") == {(("fingerprint", "SHA256:a"),): 7}
    assert samples(metrics, "key_age_seconds")[()] == pytest.approx(60, abs=5)
    assert samples(metrics, "key_not_after_timestamp_seconds") == {(): 99}


def test_without_a_key_no_age_is_made_up() -> None:
    assert samples(Metrics("v1"), "key_age_seconds") == {}


def test_objects_are_not_named_where_that_is_not_wanted() -> None:
    metrics = Metrics("v1", names_objects=False)
    metrics.observe(sealed_secret(), BROKEN)
    assert samples(metrics, "condition_info") == {}
    assert samples(metrics, "unseal_errors_total")
    metrics.forget("shop", "db")


def test_a_replica_that_no_longer_leads_shows_no_conditions() -> None:
    metrics = Metrics("v1")
    metrics.observe(sealed_secret(), READY)
    metrics.stand_down()
    assert samples(metrics, "condition_info") == {}
    metrics.observe(sealed_secret(), BROKEN)
    assert samples(metrics, "condition_info") == {condition("db"): -1}
