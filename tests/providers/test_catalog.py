"""The catalogue opens plug-ins by name, ours and strangers', and says what to install."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Mapping

import pytest

from providers import catalog
from providers.base import WrappingKey
from providers.errors import Misconfigured, words


class Stranger:
    """A key service of another package."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def wrap(self, key: WrappingKey, data: bytes) -> str:
        return f"{key.text('name')} {data.hex()}"

    def unwrap(self, key: WrappingKey) -> bytes:
        return bytes.fromhex(key.enc)


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two entry points of another package, one of which takes the name of ours."""
    found = importlib.metadata.EntryPoints(
        importlib.metadata.EntryPoint(name, f"{__name__}:Stranger", catalog.GROUP) for name in ("other_kms", "kms")
    )
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: found)
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or type(sys)(__name__))
    monkeypatch.setattr(sys.modules[__name__], "Stranger", Stranger, raising=False)


def test_a_stranger_is_opened_by_its_name(strangers: None) -> None:
    service = catalog.key_service("other_kms", {"A": "b"})
    assert isinstance(service, Stranger)
    assert service.environ == {"A": "b"}
    assert catalog.kinds() == [*catalog.KEY_SERVICES, "other_kms"]


def test_a_stranger_cannot_take_the_name_of_ours(strangers: None) -> None:
    pytest.importorskip("boto3")
    assert type(catalog.key_service("kms", {})).__module__ == "providers.aws.kms"


@pytest.mark.parametrize(("kind", "library"), [("kms", "boto3"), ("hc_vault", "hvac")])
def test_a_library_that_is_not_there_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    entry = catalog.KEY_SERVICES[kind]
    folder = entry.path.partition(":")[0].rpartition(".")[0]
    for name in [name for name in sys.modules if name.startswith(f"{folder}.")]:  # all that has imported it before
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Misconfigured, match=f'keys of kind {kind} need the Python package "{library}') as caught:
        catalog.key_service(kind, {})
    assert f"[{entry.extra}]" in (caught.value.hint or "")


def test_what_nobody_serves_is_told() -> None:
    with pytest.raises(Misconfigured, match="no plug-in serves keys of kind hckms"):
        catalog.key_service("hckms", {})


def test_looking_at_the_catalogue_loads_no_library() -> None:
    script = "import sys; from providers import catalog; assert not {'boto3', 'hvac', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_words_of_a_service_are_one_short_line() -> None:
    assert words("a\n\x1b[31m b\t\u2028c") == "a [31m b c"
    assert len(words("x" * 1000)) == 301
