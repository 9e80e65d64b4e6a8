"""A resource name of Google Cloud KMS out of a file that is none is refused before anything is asked."""

import pytest

pytest.importorskip("google.cloud.kms")

from providers.errors import Misconfigured
from providers.gcp.kms import GcpKms
from sealer.sops.recipients.base import MasterKey


@pytest.mark.parametrize("letter", ["\udcff", "é", "\n", "\x1b", "/"])
def test_a_name_that_no_key_has_is_refused(letter: str) -> None:
    name = f"projects/p{letter}/locations/l/keyRings/r/cryptoKeys/k"
    with pytest.raises(Misconfigured, match="is no resource name") as caught:
        GcpKms({}).unwrap(MasterKey("gcp_kms", {"resource_id": name}, "AAAA"))
    assert caught.value.message.isprintable()
