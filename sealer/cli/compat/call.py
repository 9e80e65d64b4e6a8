"""One call of `kubeseal`: what its flags say, its input and output, the controller and the certificate it means."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer.cli import files
from sealer.cli.compat.pflag import Parsed
from sealer.scope import Scope

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from engine.kube.config import Connection
    from engine.kube.manifest import Form, Manifest
    from sealer.certificates import Certificate
    from sealer.service import Service

NOTHING = "no secrets found. Ensure the input is valid and UTF-8 encoded"
WHERE = (
    "Please, use the flag --controller-name and --controller-namespace to set up the name and namespace of the "
    "sealed secrets controller"
)
_PATIENCE_SECONDS = 60.0  # where the original would wait for ever


class Failure(KsealError):
    """What ends a call, in the original's words where it has some."""


class Call:
    """The parsed line; `say` writes to the person."""

    def __init__(self, parsed: Parsed, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.parsed = parsed
        self.environ = environ
        self.say = say
        self._connection: Connection | None = None

    def flag(self, name: str) -> bool:
        return self.parsed.values[name] is True

    def text(self, name: str) -> str:
        value = self.parsed.values[name]
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.parsed.values[name]
        return value if isinstance(value, tuple) else ()

    @property
    def scope(self) -> Scope:
        return Scope(self.text("scope"))

    def connection(self) -> "Connection":
        """Where the cluster is. Raises: Failure."""
        from sealer.cli.compat import kubectl

        if self._connection is None:
            try:
                self._connection = kubectl.connect(self.parsed, self.environ)
            except KsealError as error:
                raise Failure(f"invalid configuration: {error.message}") from error
        return self._connection

    def namespace(self) -> str:
        """The namespace of the flag, else that of the kubeconfig or the pod. Raises: Failure where there is none."""
        return self.text("namespace") or self.connection().namespace

    def service(self) -> "Service":
        """The controller. Raises: Failure, naming the flags that say where it is."""
        import time

        from sealer.service import Service

        name, namespace = self.text("controller-name"), self.text("controller-namespace")
        try:
            return Service(self._cluster(), namespace=namespace, name=name, wait=time.sleep)
        except (KsealError, ValueError) as error:
            raise Failure(f"{getattr(error, 'message', error)}.\n{WHERE}") from error

    def certificate_text(self) -> tuple[bytes, str]:
        """The certificate's PEM, unread, and what errors call it. Raises: CertificateError, Failure."""
        from sealer import certificates

        location = self.text("cert")
        if location:
            seconds = self._timeout_seconds() if certificates.is_url(location) else _PATIENCE_SECONDS
            return certificates.read(location, timeout_seconds=seconds), location
        try:
            service = self.service()
            return service.certificate(), service.called
        except KsealError as error:
            found = self._published(error)
            if found is None:
                raise
            return found

    def certificate(self) -> "Certificate":
        """The certificate, fit for sealing. Raises: CertificateError, Failure."""
        import time

        from sealer.certificates import Certificate

        text, source = self.certificate_text()
        with bare(source):
            certificate = Certificate.parse(text, source=source)
            certificate.refuse_expired(time.time())
        return certificate

    def check_input(self) -> None:
        """Raises: Failure when the file to read is not there."""
        path = self.text("secret-file")
        if path:
            try:
                with open(path, "rb"):  # noqa: PTH123  # as in sealer.cli.files
                    pass
            except OSError as error:
                raise Failure("Could not read file specified with --secret-file") from error

    def manifests(self) -> "tuple[list[Manifest], Form]":
        """The objects of the input.

        Raises: KsealError for a document that cannot be read; Failure when there is none.
        """
        from engine.kube import manifest

        path = self.text("secret-file")
        if not path and sys.stdin is not None and sys.stdin.isatty():
            self.say("(tty detected: expecting json/yaml k8s resource in stdin)\n")
        ((source, data),) = files.read_inputs_even_typed([path or files.STDIN])
        found, form = manifest.read(data, source=source)
        if not found:
            raise Failure(NOTHING)
        return found, form

    def form(self) -> str:
        """json or yaml. Raises: Failure for another."""
        asked, path = self.text("format"), self.text("sealed-secret-file")
        if path.endswith((".yaml", ".yml")):
            return "yaml"
        if asked.lower() not in ("json", "yaml"):
            raise Failure(f"unsupported output format: {asked}")
        return asked.lower()

    def write(self, text: str, *, is_plaintext: bool = False) -> None:
        path = self.text("sealed-secret-file") or None
        path = f"./{path}" if path == files.STDIN else path  # a file of this name, for the original
        files.write_output(text, path, is_plaintext=is_plaintext)

    def write_objects(self, objects: Iterable[dict[str, Any]], *, is_plaintext: bool = False) -> None:
        """All objects in the form that is asked for."""
        self.write(written(objects, self.form()), is_plaintext=is_plaintext)

    def _cluster(self) -> "Cluster":
        """Raises: Failure."""
        from engine.kube.client import Cluster

        return Cluster(self.connection(), timeout_seconds=self._timeout_seconds())

    def _published(self, error: KsealError) -> tuple[bytes, str] | None:
        """What the controller published where its Service cannot be had; None where that is no way either."""
        from sealer import published

        if not published.may_stand_in(error):
            return None
        name, namespace = self.text("controller-name"), self.text("controller-namespace")
        try:
            return published.fetch(self._cluster(), namespace=namespace, controller=name)
        except KsealError:
            return None  # the person reads what the original would have said

    def _timeout_seconds(self) -> float:
        from sealer.cli import cluster
        from sealer.cli.verb import Given

        text = self.text("request-timeout")
        if text in ("", "0", "0s"):
            return _PATIENCE_SECONDS
        return cluster.timeout_seconds(Given((), {"request-timeout": text}))


def written(objects: Iterable[dict[str, Any]], form: str) -> str:
    """Objects as text, `form` being json or yaml."""
    from engine.kube import manifest

    return "".join(map(manifest.to_yaml if form == "yaml" else manifest.to_json, objects))


@contextmanager
def bare(source: str) -> Iterator[None]:
    """Take the name of the source off an error, which the original does not print."""
    try:
        yield
    except KsealError as error:
        raise Failure(error.message.removeprefix(f"{source}: ")) from error


def read_file(path: str) -> bytes:
    """A file. Raises: Failure, in Go's words."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as in sealer.cli.files
            return files.bounded(file, path)
    except OSError as error:
        raise Failure(f"open {path}: {(error.strerror or str(error)).lower()}") from error
