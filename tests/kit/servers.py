"""The command lines of the servers of a control plane, as lists. Nothing is started here.

Every server listens on 127.0.0.1 only. The flags and the reason for each are in the project's contract on real
components; comments here say only what a reader would otherwise wonder about.
"""

from pathlib import Path
from typing import Literal

from tests.kit.pki import ServerFiles

Profile = Literal["api", "cluster"]
"""`api`: etcd and the API server. `cluster`: also the controller manager and the scheduler."""

_CONTROLLERS = (
    "namespace",
    "serviceaccount",
    "serviceaccount-token",
    "root-ca-certificate-publisher",
    "deployment",
    "replicaset",
    "statefulset",
    "daemonset",
    "job",
    "cronjob",
    "endpoints",
    "endpointslice",
    "resourcequota",
    "disruption",
    "ttl-after-finished",
    "garbage-collector",
)


def etcd(program: Path, data: Path, client_url: str, peer_url: str) -> list[str | Path]:
    """One member, which forgets durability: its data lives as long as the test run."""
    return [
        program,
        f"--data-dir={data}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def api_server(
    kube: Path, *, etcd_url: str, port: int, files: ServerFiles, tokens: Path, profile: Profile
) -> list[str | Path]:
    """RBAC is on, the admin is known by a static token, and ServiceAccount tokens are issued.

    Without controllers nobody makes the ServiceAccount `default` that admission would give to each Pod, nor takes
    the not-ready taint off a Node: the two admission plug-ins would only block.
    """
    disabled = "TaintNodesByCondition" if profile == "cluster" else "ServiceAccount,TaintNodesByCondition"
    return [
        kube,
        "kube-apiserver",
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={files.certificate}",
        f"--tls-private-key-file={files.key}",
        f"--client-ca-file={files.authority}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={files.accounts_public_key}",
        f"--service-account-signing-key-file={files.accounts_key}",
        "--allow-privileged=true",
        "--endpoint-reconciler-type=none",
        "--profiling=false",
        f"--disable-admission-plugins={disabled}",
    ]


def controller_manager(kube: Path, kubeconfig: Path, files: ServerFiles) -> list[str | Path]:
    """Only the controllers that tests need. Their default client limits would make tests wait."""
    return [
        kube,
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={files.accounts_key}",
        f"--root-ca-file={files.authority}",
        "--use-service-account-credentials=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--controllers=" + ",".join(f"{name}-controller" for name in _CONTROLLERS),
    ]


def scheduler(kube: Path, kubeconfig: Path) -> list[str | Path]:
    """The scheduler with its defaults."""
    return [kube, "kube-scheduler", f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]
