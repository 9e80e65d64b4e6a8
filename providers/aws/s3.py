"""Objects in a bucket of AWS S3: where encrypted files are published to.

Source: getsops/sops 3.13.3 publish/s3.go.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.kms import CONFIG, session, translated
from providers.errors import words


class S3Objects:
    """Takes files; each name is an object."""

    takes_values = False

    def __init__(self, environ: Mapping[str, str], fields: Mapping[str, str]) -> None:
        """`fields` are those of a destination rule."""
        self._environ = environ
        self._bucket = fields["s3_bucket"]
        self._prefix = fields.get("s3_prefix", "")

    def place(self, name: str) -> str:
        """Where a name goes, as a person sees it."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def put(self, name: str, content: bytes | Mapping[str, Any]) -> bool:
        """Write one object. Raises: one of providers.errors."""
        try:
            endpoint = self._environ.get("AWS_ENDPOINT_URL_S3") or self._environ.get("AWS_ENDPOINT_URL")
            client = session(self._environ).client("s3", config=CONFIG, endpoint_url=endpoint)
            client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)
        except (BotoCoreError, ClientError) as error:
            raise translated(words(self.place(name)), error, "s3:PutObject on this bucket") from error
        return True
