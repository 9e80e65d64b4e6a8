"""How long one call of `kseal seal --cert` takes: mostly the start of the interpreter and its imports."""

import json
from pathlib import Path

from bench.command import Command, interleaved
from bench.figure import Bench, Goal, Row, Samples
from bench.material import certificate_pem, secret
from tests.kit import programs

TITLE = "Start-up"
HOW = (
    "One Secret of two values from standard input, sealed with a certificate file. kseal is the wheel in a virtual "
    "environment of its own, byte-compiled. The programs take turns."
)
_SECRET = secret("db")
_YAML = f"""\
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: {_SECRET["metadata"]["namespace"]}
data:
""" + "".join(f"  {item}: {value}\n" for item, value in _SECRET["data"].items())


def measure(bench: Bench) -> list[Row]:
    """Four rows: two forms of input beside two peers."""
    folder = bench.nest.folder
    certificate = _written(folder / "cert.pem", certificate_pem())
    inputs = {
        "YAML": _written(folder / "secret.yaml", _YAML.encode()),
        "JSON": _written(folder / "secret.json", json.dumps(_SECRET).encode()),
    }
    environment, output = bench.nest.bare_environment(), folder / "output"
    kubectl, kubeseal = str(programs.find("kubectl")), str(programs.find("kubeseal"))
    commands = {"kubectl": Command([kubectl, "version", "--client"], environment, Path("/dev/null"), output)}
    for form, path in inputs.items():
        seal = [str(bench.installed.kseal), "seal", "--cert", str(certificate)]
        commands[f"kseal {form}"] = Command(seal, environment, path, output)
        commands[f"kubeseal {form}"] = Command([kubeseal, "--cert", str(certificate)], environment, path, output)
    taken = {
        name: Samples([1000 * seconds for seconds in values], "ms")
        for name, values in interleaved(
            commands, times=bench.size(40, 2), quiet=bench.quiet, warm_up=bench.size(3, 1)
        ).items()
    }
    rows = []
    for form in inputs:
        ours = taken[f"kseal {form}"]
        rows += [
            Row(f"seal one Secret, {form}", ours, taken["kubectl"], "kubectl version --client", Goal(1.0)),
            Row(f"seal one Secret, {form}", ours, taken[f"kubeseal {form}"], "kubeseal"),
        ]
    return rows


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
