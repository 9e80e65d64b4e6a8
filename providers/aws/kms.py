"""Keys of AWS KMS, named by ARN, with an encryption context, a shared profile and a role to take on.

Source: getsops/sops 3.13.3 kms/keysource.go; AWS KMS API, Encrypt and Decrypt, for the names of errors.
"""

import re
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnection

from engine.errors import KsealError
from providers import encoded
from providers.base import WrappingKey
from providers.errors import UNREACHED, Denied, Misconfigured, NotFound, Throttled, Unavailable, words

_ARN: Final = re.compile(r"arn:aws[\w-]*:kms:([a-z0-9-]+):[0-9]+:(?:key|alias)/\S+")
CONFIG: Final = Config(connect_timeout=10, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2})
_ROLE_SECONDS: Final = 45 * 60
"""A role is given for an hour; it is asked for again well before."""
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"}
    | {"IncompleteSignature", "InvalidSignatureException", "MissingAuthenticationToken", "SignatureDoesNotMatch"}
    | {"UnrecognizedClientException"}
)
_THROTTLED: Final = frozenset({"LimitExceededException", "RequestLimitExceeded", "Throttling", "ThrottlingException"})


class AwsKms:
    """One client for each region, role and profile, kept: making one takes a tenth of a second."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._clients: dict[tuple[str, str, str], tuple[Any, float]] = {}
        self._lock = threading.Lock()

    def wrap(self, key: WrappingKey, data: bytes) -> str:
        """Raises: one of providers.errors."""
        answer = self._call(key, "encrypt", Plaintext=data)
        return encoded.encode(answer["CiphertextBlob"])

    def unwrap(self, key: WrappingKey) -> bytes:
        """Raises: one of providers.errors."""
        blob = encoded.decode(key.enc, words(key.text("arn")))
        return bytes(self._call(key, "decrypt", CiphertextBlob=blob)["Plaintext"])

    def _call(self, key: WrappingKey, method: str, **arguments: Any) -> Mapping[str, Any]:
        arn = key.text("arn")
        try:
            client = self._client(arn, key.text("role"), key.text("aws_profile"))
            answer: Mapping[str, Any] = getattr(client, method)(
                KeyId=arn, EncryptionContext=dict(key.context), **arguments
            )
        except (BotoCoreError, ClientError) as error:
            raise translated(words(arn), error, "kms:Encrypt and kms:Decrypt on this key") from error
        return answer

    def _client(self, arn: str, role: str, profile: str) -> Any:
        region = _ARN.fullmatch(arn)
        if region is None:
            raise Misconfigured(f'"{words(arn)}" is no ARN of a key or an alias of AWS KMS')
        place = (region[1], role, profile)
        with self._lock:
            client, until = self._clients.get(place, (None, 0.0))
            if client is None or time.monotonic() > until:
                client = self._made(region[1], role, profile)
                self._clients[place] = client, time.monotonic() + (_ROLE_SECONDS if role else float("inf"))
            return client

    def _made(self, region: str, role: str, profile: str) -> Any:
        made = session(self._environ, region, profile)
        if role:
            sts = made.client("sts", config=CONFIG, endpoint_url=self._endpoint("STS"))
            given = sts.assume_role(RoleArn=role, RoleSessionName=session_name(socket.gethostname()))["Credentials"]
            made = boto3.Session(
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
                region_name=region,
            )
        return made.client("kms", config=CONFIG, endpoint_url=self._endpoint("KMS"))

    def _endpoint(self, service: str) -> str | None:
        return self._environ.get(f"AWS_ENDPOINT_URL_{service}") or self._environ.get("AWS_ENDPOINT_URL")


def session(environ: Mapping[str, str], region: str | None = None, profile: str = "") -> Any:
    """boto3's session: access keys of the environment; without them it looks in all the other places that it knows."""
    keys = {}
    if "AWS_ACCESS_KEY_ID" in environ:
        keys = {
            "aws_access_key_id": environ["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY"),
            "aws_session_token": environ.get("AWS_SESSION_TOKEN"),
        }
    if keys and "HOME" not in environ:
        profile = ""  # the keys of a Secret: the file may not choose others, which lie in somebody's home
    region = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
    return boto3.Session(profile_name=profile or None, region_name=region, **({} if profile else keys))


def session_name(host: str) -> str:
    """How a role's session is called in AWS's logs: `sops@HOST`. The original leaves hyphens out, too."""
    return f"sops@{re.sub('[^a-zA-Z0-9=,.@_]', '', host)}"[:64]


def translated(arn: str, error: BotoCoreError | ClientError, allowed: str) -> KsealError:
    """One of providers.errors. `allowed` says what the credentials have to be allowed."""
    if isinstance(error, NoCredentialsError):
        return Denied(f"{arn}: no AWS credentials", "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret, or log in")
    if isinstance(error, ProfileNotFound):
        return Misconfigured(f"{arn}: {words(str(error))}", "the profile is in the metadata of the file: aws_profile")
    if isinstance(error, ParamValidationError):  # its text repeats what was to be sent
        return Misconfigured(f"{arn}: the request to AWS makes no sense: an empty wrapped key, or an odd context")
    if isinstance(error, HTTPClientError | NoConnection):
        return Unavailable(f"{arn}: AWS does not answer: {type(error).__name__}", UNREACHED)
    if not isinstance(error, ClientError):
        return Misconfigured(f"{arn}: {words(str(error))}")
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = f"{arn}: AWS says {words(f'{code}: ' + str(error.response.get('Error', {}).get('Message', '')))}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED:
        return Denied(said, f"the credentials must be allowed {allowed}")
    if code in _THROTTLED:
        return Throttled(said)
    if code in ("NotFoundException", "NoSuchBucket"):
        return NotFound(said)
    return Unavailable(said) if status >= 500 else Misconfigured(said)
