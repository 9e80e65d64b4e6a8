"""How many values are opened each second, beside the bare RSA operation that no program can do without."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA256

from bench.command import Command, interleaved
from bench.figure import Bench, Goal, Row, Samples
from bench.material import NAMESPACE, key, sealed
from sealer import box
from sealer.ring import KeyRing
from sealer.sealedsecret import parse, seal_secret, unseal_secret
from tests.kit import programs

TITLE = "Opening"
HOW = (
    "Values sealed for an RSA-4096 key. The limit is OpenSSL's own RSA-OAEP decryption of the same bytes in a bare "
    "loop; short turns of one second or less alternate. The rates count values, so a SealedSecret of two counts twice."
)
_LIMIT = "OpenSSL's RSA alone"


def measure(bench: Bench) -> list[Row]:
    """One value, a whole SealedSecret, all cores, and the two command lines offline."""
    value, private_key, ring = b"correct horse battery staple", key().private_key, KeyRing([key()])
    label = f"{NAMESPACE}/db".encode()
    one = box.seal(value, private_key.public_key(), label)
    wrapped, padding = one[2 : 2 + private_key.key_size // 8], OAEP(MGF1(SHA256()), SHA256(), label)
    whole = json.dumps(sealed("db"))
    work: dict[str, Callable[[], Any]] = {
        "limit": lambda: private_key.decrypt(wrapped, padding),
        "value": lambda: box.open(one, private_key, label),
        "object": lambda: json.dumps(unseal_secret(parse(json.loads(whole)), ring).secret),
    }
    per_call = {"limit": 1, "value": 1, "object": 2}
    seconds, rounds = bench.size(1, 0), bench.size(9, 1)
    rates: dict[str, list[float]] = {name: [] for name in work}
    at_once: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        bench.quiet.wait()
        for name, call in work.items():
            rates[name].append(per_call[name] * _rate(call, seconds))
        for name, call in work.items():
            at_once[name].append(per_call[name] * _rate_of_all_cores(call, seconds))
    cores = len(os.sched_getaffinity(0))
    rows = [
        _row("open a value, one core", rates, "value"),
        _row("SealedSecret to Secret, JSON to JSON, one core", rates, "object"),
        _row(f"open a value, {cores} threads on {cores} cores", at_once, "value"),
        _row(f"SealedSecret to Secret, {cores} threads on {cores} cores", at_once, "object"),
    ]
    return [*rows, _offline(bench)]


def _row(figure: str, rates: dict[str, list[float]], name: str) -> Row:
    ours, limit = Samples(rates[name], "per second"), Samples(rates["limit"], "per second")
    return Row(figure, ours, limit, _LIMIT, Goal(0.8, "at least"))


def _rate(call: Callable[[], Any], seconds: float) -> float:
    """Calls per second of one thread, in a turn of about so many seconds."""
    done, began = 0, time.perf_counter()
    while True:
        call()
        done += 1
        taken = time.perf_counter() - began
        if taken >= seconds:
            return done / taken


def _rate_of_all_cores(call: Callable[[], Any], seconds: float) -> float:
    """Calls per second of as many threads as there are cores, all together."""
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as pool:
        return sum(pool.map(lambda _: _rate(call, seconds), range(cores)))


def _offline(bench: Bench) -> Row:
    """The two command lines on one SealedSecret of many values, start included."""
    count = bench.size(200, 4)
    folder, environment = bench.nest.folder, bench.nest.bare_environment()
    raw: dict[str, Any] = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": NAMESPACE}}
    raw["stringData"] = {f"item-{number:03}": f"value {number}" for number in range(count)}
    path, key_path, output = folder / "sealed.json", folder / "key.pem", folder / "output"
    path.write_text(json.dumps(seal_secret(raw, key().private_key.public_key())))
    key_path.touch(mode=0o600)
    key_path.write_bytes(key().private_pem().reveal())
    kubeseal = [str(programs.find("kubeseal")), "--recovery-unseal", f"--recovery-private-key={key_path}"]
    kseal = [str(bench.installed.kseal), "unseal", f"--private-key={key_path}"]
    taken = interleaved(
        {
            "kseal": Command(kseal, environment, path, output),
            "kubeseal": Command(kubeseal, environment, path, output),
        },
        times=bench.size(5, 1),
        quiet=bench.quiet,
    )
    figure = f"unseal {count} values of one SealedSecret offline"
    return Row(figure, Samples(taken["kseal"], "s"), Samples(taken["kubeseal"], "s"), "kubeseal --recovery-unseal")
