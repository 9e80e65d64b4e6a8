"""What opens and wraps the sealing keys of this controller, put together from its flags and its environment."""

from collections.abc import Mapping

from controller.settings import Keys
from providers import catalog
from sealer.wrapping import Wrapping
from sealer.wrappingkey import parse_all


def wrapping_for(settings: Keys, environ: Mapping[str, str]) -> Wrapping:
    """Credentials are where the tools of Vault and AWS look for them, in the environment or with the Pod's account.

    Raises: KsealError when a wrapping key is none, or its library is not installed.
    """
    return Wrapping(
        parse_all(settings.wrap_with),
        [settings.age_identity_file] if settings.age_identity_file else [],
        lambda kind: catalog.key_service(kind, environ),
        naming="name it with --wrap-keys-with, if it is yours",
        identifying="have the age identity in a file, and name that with --age-identity-file",
    )
