"""What a delivery takes from ConfigMaps and Secrets of its namespace: variables, and the keys of SOPS files."""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from controller.flux.halt import BUILD_FAILED, Halt
from controller.flux.names import Name
from controller.flux.spec import PostBuild, Spec
from controller.settings import Flux
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import ApiError, NotFound
from engine.kube.refs import CONFIG_MAPS, SECRETS
from sealer.sops.cluster_keys import ClusterKeys, MakeService, SecretData
from sealer.sops.decryptor import Decryptor

_KINDS: Final = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}


class Inputs:
    """Reads them afresh each time, as the controller: a Kustomization names objects of its own namespace only."""

    def __init__(
        self, cluster: Cluster, settings: Flux, *, environ: Mapping[str, str], make: MakeService | None, log: Any
    ) -> None:
        """`make` brings the kinds of SOPS keys that services keep; `environ` is what the operator says to them."""
        self._cluster = cluster
        self._settings = settings
        self._environ = dict(environ)
        self._make = make
        self._log = log

    def variables(self, name: Name, post_build: PostBuild) -> dict[str, str]:
        """All variables of a Kustomization; inline ones win, and later references over earlier ones.

        Line breaks are left out of values that are references', as Flux does. Raises: Halt.
        """
        found: dict[str, str] = {}
        for reference in post_build.references:
            resource = _KINDS.get(reference.kind)
            if resource is None:
                raise Halt(BUILD_FAILED, f"substitute from '{reference.kind}/{reference.name}': kind not supported")
            try:
                raw = self._cluster.get(resource, name.namespace, reference.name)
            except NotFound as error:
                if reference.is_optional:
                    continue
                what = f"substitute from '{reference.kind}/{reference.name}' error: {error.message}"
                hint = f"make it in {name.namespace}, or mark the reference as optional"
                raise Halt(BUILD_FAILED, what, hint=hint) from error
            except ApiError as error:
                what = f"substitute from '{reference.kind}/{reference.name}' error: {error.message}"
                raise Halt(BUILD_FAILED, what, hint=error.hint) from error
            values = _decoded(raw) if reference.kind == "Secret" else dict(raw.get("data") or {})
            found |= {key: _text(value) for key, value in values.items()}
        return found | {key: _text(value) for key, value in post_build.inline.items()}

    def decryption_version(self, name: Name, spec: Spec) -> str:
        """Changes when the decryption Secret does. Raises: ApiError."""
        if not spec.decryption_secret:
            return ""
        metadata = self._cluster.get(SECRETS, name.namespace, spec.decryption_secret)["metadata"]
        return f"{metadata.get('uid')}/{metadata.get('resourceVersion')}"

    @contextmanager
    def decryptor(self, name: Name, spec: Spec) -> Iterator[Decryptor | None]:
        """What decrypts during one build; None where the Kustomization asks for none. Raises: Halt."""
        if not spec.decrypts:
            yield None
            return
        secret = self._secret(name.namespace, spec.decryption_secret) if spec.decryption_secret else None
        with (
            ClusterKeys(
                secret,
                fallback=None if secret else self._fallback(name),
                make=self._make,
                environ=self._environ,
                folder=self._settings.scratch,
            ) as services,
            Decryptor(services, warn=lambda text: self._log.warning("decryption", cause=text)) as found,
        ):
            yield found

    def _fallback(self, name: Name) -> SecretData | None:
        """The keys of everybody; under lockdown those of the runtime namespace, or whoever comes by a file of another
        tenant could have it decrypted."""
        if not self._settings.sops_age_secret:
            return None
        if self._settings.lockdown and name.namespace != self._settings.namespace:
            return None
        return self._secret(self._settings.namespace, self._settings.sops_age_secret)

    def _secret(self, namespace: str, name: str) -> SecretData:
        called = f"Secret/{namespace}/{name}"
        try:
            raw = self._cluster.get(SECRETS, namespace, name)
        except KsealError as error:
            what = f"cannot get decryption {called}: {error.message}"
            raise Halt(BUILD_FAILED, what, hint=error.hint) from error
        return SecretData(called, _decoded(raw))


def _decoded(raw: Mapping[str, Any]) -> dict[str, bytes]:
    """The items of a Secret as the API serves it; what is no base64 cannot come from there."""
    try:
        return {key: b64decode(text or "", validate=True) for key, text in (raw.get("data") or {}).items()}
    except (binascii.Error, ValueError):
        metadata = raw["metadata"]
        called = f"Secret/{metadata.get('namespace')}/{metadata.get('name')}"
        raise Halt(BUILD_FAILED, f"{called}: an item is no base64") from None


def _text(value: str | bytes) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.replace("\n", "")
