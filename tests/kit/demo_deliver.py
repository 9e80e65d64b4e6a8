"""The demo's third part: a repository with base, overlays and two kinds of encrypted Secrets is delivered and kept."""

import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sealer.sops.recipients import bech32
from tests.kit.demo_screen import Screen
from tests.kit.demo_shell import CommandFailed, Shell
from tests.kit.demo_watch import Watch, said
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest, Process

_SEALED: Final = "not-a-real-token"
_ENCRYPTED: Final = "not-a-real-phrase"
_REPLICAS, _EDIT = "2", "9"
_FILES: Final[Mapping[str, str]] = {
    "apps/web/base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
    "apps/web/base/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example/web:1.0.0
""",
    "apps/web/base/service.yaml": """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports: [{name: http, port: 80}]
""",
    "apps/web/overlays/staging/kustomization.yaml": "namespace: staging\nresources: [../../base]\n",
    "apps/web/overlays/production/kustomization.yaml": """\
namespace: production
resources: [../../base]
images:
  - name: registry.example/web
    newTag: 1.0.1
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec: {replicas: 2}
""",
    "infrastructure/namespaces.yaml": """\
apiVersion: v1
kind: Namespace
metadata: {name: staging}
---
apiVersion: v1
kind: Namespace
metadata: {name: production}
""",
    "infrastructure/quota.yaml": """\
apiVersion: v1
kind: ResourceQuota
metadata: {name: pods, namespace: staging}
spec:
  hard: {pods: "10"}
""",
}
_RULES: Final = """\
creation_rules:
  - path_regex: infrastructure/
    encrypted_regex: ^(data|stringData)$
    age: {recipient}
"""
_ORDER: Final = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: fleet, namespace: flux-system}}
spec:
  interval: 1m
  url: {url}
  ref: {{branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: infrastructure, namespace: flux-system}}
spec:
  interval: 5m
  path: infrastructure
  prune: true
  sourceRef: {{kind: GitRepository, name: fleet}}
  decryption: {{provider: sops, secretRef: {{name: sops-age}}}}
"""
_APP: Final = """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: web-{name}, namespace: flux-system}}
spec:
  interval: 5m
  path: apps/web/overlays/{name}
  prune: true
  sourceRef: {{kind: GitRepository, name: fleet}}
  dependsOn: [{{name: infrastructure}}]
"""


def play(screen: Screen, shell: Shell, nest: Nest, controller: Process, git: Path) -> None:
    """Seven steps; the controller works already.

    Raises: CommandFailed where the cluster does not become, or stay, what Git says.
    """
    screen.part("Part 3: a whole repository, delivered by the resources of Flux")
    served = nest.folder / "served"
    served.mkdir()
    with GitServer(served, git=git) as server:
        url = server.repository("fleet")
        _lay_out(screen, shell)
        _encrypt(screen, shell)
        _push(screen, shell, url)
        _order(screen, shell, url)
        _edit(screen, shell, nest, controller)
        _remove(screen, shell)


def _lay_out(screen: Screen, shell: Shell) -> None:
    with screen.step("Lay out a repository: infrastructure, and an application with a base and two overlays") as step:
        shell.run("git init --quiet ../fleet")
        shell.enter("../fleet")
        _write(shell.folder, _FILES)
        shell.run("find apps infrastructure -type f | sort")
        shell.run("cat apps/web/overlays/production/kustomization.yaml")
        step.result = "these files hold no secret yet"
    with screen.step("See what production will come to, before anything is committed") as step:
        shell.run("kseal build apps/web/overlays/production")
        step.result = "no cluster was asked"


def _encrypt(screen: Screen, shell: Shell) -> None:
    with screen.step("Add two Secrets: one sealed for the cluster, one encrypted by SOPS") as step:
        shell.run(
            f"kubectl create secret generic api --namespace production --from-literal=token={_SEALED}"
            " --dry-run=client -o yaml \\\n  | kseal seal --cert ../repo/cert.pem -o yaml > infrastructure/api.yaml"
        )
        recipient = _make_identity(shell.folder.parent / "age.key")
        _write(shell.folder, {".sops.yaml": _RULES.format(recipient=recipient)})
        shell.run("cat .sops.yaml")
        shell.run(
            f"kubectl create secret generic settings --namespace production --from-literal=phrase={_ENCRYPTED}"
            " --dry-run=client -o yaml \\\n  | kseal sops encrypt --filename-override infrastructure/settings.yaml"
            " > infrastructure/settings.yaml"
        )
        shell.run("head -6 infrastructure/settings.yaml")
        shell.run("kubectl create secret generic sops-age --namespace flux-system --from-file=demo.agekey=../age.key")
        step.result = "only the cluster opens both: it has the sealing key, and now the age identity"


def _push(screen: Screen, shell: Shell, url: str) -> None:
    with screen.step("Commit and push") as step:
        shell.run(f"git remote add origin {url}")
        shell.run("git add . && git commit --quiet --message 'The fleet' && git push --quiet origin main")
        step.result = f"a Git server on this machine has it: {url}"


def _order(screen: Screen, shell: Shell, url: str) -> None:
    with screen.step("Order its delivery, by a GitRepository and three Kustomizations") as step:
        apps = "".join(_APP.format(name=name) for name in ("staging", "production"))
        _write(shell.folder, {"clusters/demo.yaml": _ORDER.format(url=url) + apps})
        shell.run("head -20 clusters/demo.yaml")
        started = time.monotonic()
        shell.run("kubectl apply -f clusters/demo.yaml")
        shell.run("kubectl wait kustomizations --all --namespace flux-system --for=condition=Ready --timeout=60s")
        seconds = time.monotonic() - started
        shell.run("kseal get --namespace flux-system")
        shell.run("kubectl get deployments --all-namespaces")
        shell.run("kubectl wait sealedsecret api --namespace production --for=condition=Synced --timeout=30s")
        for name, item, value in (("api", "token", _SEALED), ("settings", "phrase", _ENCRYPTED)):
            _compare(shell, name, item, value)
        step.result = f"all of it is in the cluster, both Secrets too; it took {said(seconds)}"


def _edit(screen: Screen, shell: Shell, nest: Nest, controller: Process) -> None:
    with (
        screen.step("Edit the cluster by hand, past Git") as step,
        Watch(
            nest,
            shell,
            controller,
            namespace="production",
            resource="deployments",
            name="web",
            template="{{.spec.replicas}}",
        ) as watch,
    ):
        watch.time_of(_REPLICAS)
        shell.run(f"kubectl scale deployment web --namespace production --replicas={_EDIT}")
        edited, healed = (watch.time_of(value) for value in (_EDIT, _REPLICAS))
        shell.run("kubectl get deployment web --namespace production")
        step.result = f"the controller put back what Git says after {said(healed - edited)}"


def _remove(screen: Screen, shell: Shell) -> None:
    with screen.step("Remove a file from Git") as step:
        shell.run("git rm --quiet infrastructure/quota.yaml && git commit --quiet --message 'No quota'")
        started = time.monotonic()
        shell.run("git push --quiet origin main")
        shell.run("kseal sync kustomization/infrastructure --namespace flux-system --with-source")
        seconds = time.monotonic() - started
        if shell.run("kubectl get resourcequotas --namespace staging --output=name").strip():
            raise CommandFailed("the ResourceQuota is still there, though its file is not")
        shell.run("kseal tree kustomization/infrastructure --namespace flux-system")
        step.result = f"the ResourceQuota is pruned; from the push it took {said(seconds)}"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def _make_identity(path: Path) -> str:
    """What age-keygen would make; returns the recipient. That program is not among those that the demo has."""
    key = X25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_text(bech32.encode("age-secret-key-", key.private_bytes_raw()).upper() + "\n")
    return bech32.encode("age", key.public_key().public_bytes_raw())


def _compare(shell: Shell, name: str, item: str, value: str) -> None:
    template = shlex.quote(f"go-template={{{{.data.{item} | base64decode}}}}")
    if shell.run(f"kubectl get secret {name} --namespace production -o {template}") != value:
        raise CommandFailed(f"the Secret {name} in the cluster does not hold the value that was encrypted")
