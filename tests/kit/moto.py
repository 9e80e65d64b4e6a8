"""moto's server on loopback, which speaks for AWS: KMS and STS, in memory."""

import contextlib
import http.client
import importlib.util
import sys
from types import TracebackType
from typing import Final, Self

from tests.kit import real
from tests.kit.errors import Unavailable
from tests.kit.process import Nest, free_port

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"


class Moto:
    """One server. `environ` is what leads AWS's own tools to it."""

    def __init__(self) -> None:
        """Skips the test when moto is not installed."""
        if importlib.util.find_spec("moto") is None:
            real.do_without(Unavailable("moto", "not installed", "install the dependency group dev"))
        self._nest = Nest("moto")
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.environ = {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        # moto itself uses boto3, which must not look for credentials elsewhere
        environment = self._nest.bare_environment() | {**self.environ, "AWS_ENDPOINT_URL": ""}
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self.process = self._nest.start("moto", command, env=environment)
        try:
            self.process.wait_ready(self._is_ready)
        except BaseException:
            self._nest.close()
            raise

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=10)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/moto-api/")
                return connection.getresponse().status == 200
            except OSError:
                return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nest.close()
