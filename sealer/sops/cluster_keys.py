"""Keys as a cluster keeps them: the items of a Secret, under the names that Flux gives them.

Only what the Secret holds counts. The environment, the home folder, plug-ins, key commands and key services of other
processes are never asked: whoever writes a repository must not come by the keys of whoever runs the controller.
Source: fluxcd/kustomize-controller internal/decryptor, internal/sops/keyservice.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from engine.errors import KsealError
from sealer.sops.cluster_credentials import ITEMS, environment, is_of_machine
from sealer.sops.gnupg_home import GnupgHome
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import FIELDS, KeyService, MasterKey
from sealer.sops.recipients.lookup import Given

AGE_ENDING: Final = ".agekey"
PGP_ENDING: Final = ".asc"

MakeService = Callable[[str, Mapping[str, str]], KeyService]
"""Makes the service for a kind of key from an environment, as `providers.catalog.key_service` does."""


class SecretData(NamedTuple):
    """The decoded items of a Secret, and how errors call it: `Secret/flux-system/sops-keys`."""

    called: str
    items: Mapping[str, bytes]

    def only_age(self) -> "SecretData":
        """The same with nothing but age identities, as the fallback for everybody is read: with credentials of a
        cloud in it, whoever has none would get those."""
        return SecretData(self.called, {name: data for name, data in self.items.items() if name.endswith(AGE_ENDING)})

    def __repr__(self) -> str:
        return f"<{self.called} with {len(self.items)} items>"


class ClusterKeys(Mapping[str, KeyService]):
    """The services of one run, by kind of key, each made when it is first asked for. A context manager."""

    def __init__(
        self,
        secret: SecretData | None,
        *,
        fallback: SecretData | None = None,
        make: MakeService | None = None,
        environ: Mapping[str, str] | None = None,
        ambient: Collection[str] = (),
        folder: str | None = None,
    ) -> None:
        """`fallback` counts only without a secret, and only its age identities. `make` brings the kinds of key that
        services keep. `environ` is what the operator says to them (`VAULT_CACERT`, `SOPS_HC_VAULT_ALLOWLIST`), and
        where programs are (`PATH`). `ambient` names the kinds that may be used with an identity of the process or its
        machine: when the secret has no credentials for them, or a managed identity of Azure. `folder` is where a
        GnuPG home is made.
        """
        self._secret = secret or (fallback.only_age() if fallback else SecretData("no Secret", {}))
        self._make = make
        self._environ = dict(environ or {})
        self._ambient = frozenset(ambient)
        self._folder = folder
        self._home: GnupgHome | None = None
        self._made: dict[str, KeyService] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> "ClusterKeys":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._made.clear()
            home, self._home = self._home, None
        if home:
            home.close()

    def __getitem__(self, kind: str) -> KeyService:
        """Raises: KsealError where the secret has nothing for the kind; KeyError for what is no kind."""
        if kind not in FIELDS:
            raise KeyError(kind)
        with self._lock:
            if kind not in self._made:
                self._made[kind] = _Cured(self._service(kind), self._cure(kind))
            return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)

    def _service(self, kind: str) -> KeyService:
        if kind == "age":
            return AgeService(Given(self._ending(AGE_ENDING)), plugins=False)
        if kind == "pgp":
            keys = self._ending(PGP_ENDING)
            if not keys:
                raise KsealError(f"no PGP key in {self._secret.called}", self._cure(kind))
            self._home = GnupgHome(keys, path=self._environ.get("PATH", ""), folder=self._folder)
            return self._home.service()
        credentials = self._credentials(kind)
        is_own = credentials is None or is_of_machine(kind, credentials)
        if self._make is None or (is_own and kind not in self._ambient):
            raise KsealError(f"no credentials for keys of kind {kind} in {self._secret.called}", self._cure(kind))
        # Without a home, nobody's profiles and token files count beside the credentials of the secret.
        said = {name: text for name, text in self._environ.items() if name != "HOME" or credentials is None}
        return self._make(kind, {**said, **(credentials or {})})

    def _ending(self, ending: str) -> dict[str, bytes]:
        return {name: data for name, data in sorted(self._secret.items.items()) if name.endswith(ending)}

    def _cure(self, kind: str) -> str:
        items = {"age": f"an item NAME{AGE_ENDING}", "pgp": f"an item NAME{PGP_ENDING}"}
        named = items.get(kind) or (f"the item {ITEMS[kind]}" if kind in ITEMS else "no item")
        return f"what opens keys of kind {kind} is read from {named} of the decryption Secret"

    def _credentials(self, kind: str) -> dict[str, str] | None:
        """The environment that the item for a kind stands for. Raises: KsealError, which names the item."""
        item = ITEMS.get(kind, "")
        data = self._secret.items.get(item)
        return None if data is None else environment(kind, data, f"{self._secret.called}: {item}")


class _Cured:
    """A service whose errors say what to do in a cluster, where no person's environment counts."""

    def __init__(self, service: KeyService, cure: str) -> None:
        self._service = service
        self._cure = cure

    def wrap(self, key: MasterKey, data: bytes) -> str:
        return self._service.wrap(key, data)

    def unwrap(self, key: MasterKey) -> bytes:
        try:
            return self._service.unwrap(key)
        except KsealError as error:
            raise KsealError(error.message, self._cure) from error
