"""How long a call with a thousand Secrets takes, beside kubeseal in one call and in as many calls."""

import json

from bench.command import Command, Repeated, interleaved
from bench.figure import Bench, Goal, Row, Samples
from bench.material import NAMESPACE, certificate_pem, secret
from tests.kit import programs

TITLE = "Many Secrets"
HOW = (
    "Secrets of two values each as one stream on standard input. As separate calls kubeseal is timed for 50 Secrets a "
    "repetition, and that is scaled up. All write to a file, and take turns."
)
_SEPARATE = 50


def measure(bench: Bench) -> list[Row]:
    """A stream of YAML and one of JSON beside kubeseal's, and beside one kubeseal for each Secret."""
    count = bench.size(1000, 10)
    folder, environment = bench.nest.folder, bench.nest.bare_environment()
    certificate, output = folder / "cert.pem", folder / "output"
    certificate.write_bytes(certificate_pem())
    names = [f"db-{number:04}" for number in range(count)]
    (folder / "one.yaml").write_text(_yaml(names[0]))
    (folder / "many.yaml").write_text("---\n".join(map(_yaml, names)))
    (folder / "many.json").write_text("\n".join(json.dumps(secret(name)) for name in names))
    kseal = [str(bench.installed.kseal), "seal", "--cert", str(certificate)]
    kubeseal = [str(programs.find("kubeseal")), "--cert", str(certificate)]
    commands: dict[str, Command | Repeated] = {
        f"{program} {form}": Command([*argv, "-o", form], environment, folder / f"many.{form}", output)
        for form in ("yaml", "json")
        for program, argv in (("kseal", kseal), ("kubeseal", kubeseal))
    }
    one = Command([*kubeseal, "-o", "yaml"], environment, folder / "one.yaml", output)
    separate = bench.size(_SEPARATE, 2)
    taken = interleaved({**commands, "separate": Repeated(one, separate)}, times=bench.size(9, 1), quiet=bench.quiet)
    scaled = Samples([seconds / separate * count for seconds in taken["separate"]], "s")
    rows = [
        Row(
            f"seal {count} Secrets in one call, {form.upper()}",
            Samples(taken[f"kseal {form}"], "s"),
            Samples(taken[f"kubeseal {form}"], "s"),
            "kubeseal, one call",
            Goal(0.6),
        )
        for form in ("yaml", "json")
    ]
    ours = Samples(taken["kseal yaml"], "s")
    return [*rows, Row(f"seal {count} Secrets", ours, scaled, f"kubeseal, {count} calls", Goal(0.05))]


def _yaml(name: str) -> str:
    data = "".join(f"  {item}: {value}\n" for item, value in secret(name)["data"].items())
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\ndata:\n{data}"
