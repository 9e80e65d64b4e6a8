"""What a GitRepository asks for, with the defaults of Flux filled in, and what of it decides the content. Pure.

The API server has checked types and patterns against the schema; what a schema cannot say is checked here.
Source: flux.md section 3.1; fluxcd/source-controller api/v1/gitrepository_types.go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from controller.api.gitrepository import GitRepositorySpec
from controller.flags import parse_duration
from controller.flux.names import Name
from engine.source.base import SourceStalled
from engine.source.git import GitRef, GitWanted

SCHEMES: Final = ("http", "https", "ssh")
HEAD: Final = "HEAD"
_TIMEOUT: Final = timedelta(seconds=60)
_GENERIC: Final = "generic"
GITHUB: Final = "github"
_INVALID_PROVIDER: Final = "InvalidProviderConfiguration"
_COVERS: Final = {"Tag": {"Tag", "TagAndHEAD"}, "HEAD": {"HEAD", "TagAndHEAD"}, "TagAndHEAD": {"TagAndHEAD"}}
"""For a mode that is asked for: the modes whose earlier success is enough."""


@dataclass(frozen=True, slots=True)
class Include:
    """Another GitRepository of the same namespace whose files are put among those of this one."""

    name: str
    from_path: str
    """Below the root of the other, "" for all of it."""
    to_path: str


@dataclass(frozen=True, slots=True)
class GitSpec:
    """The whole of it. Durations are what counts after defaults."""

    wanted: GitWanted
    interval: timedelta
    secret: str | None
    proxy_secret: str | None
    provider: str
    ignore: str | None
    verify_mode: str | None
    """HEAD, Tag or TagAndHEAD; None when no signature is asked for."""
    verify_secret: str
    includes: tuple[Include, ...]


def read(raw: Mapping[str, Any]) -> GitSpec:
    """The spec of a GitRepository. Raises: SourceStalled for what can never be fetched as it stands."""
    spec: Any = raw.get("spec")
    try:
        msgspec.convert(spec, GitRepositorySpec)
    except msgspec.ValidationError as error:  # only a definition other than ours or Flux's lets this through
        raise SourceStalled(f"the spec is none of a GitRepository: {error}") from error
    url = spec.get("url") or ""
    _check_url(url)
    if spec.get("recurseSubmodules"):
        raise SourceStalled(
            "spec.recurseSubmodules: submodules are not fetched by kseal",
            "leave it out, and take the other repository in by spec.include",
        )
    provider = spec.get("provider") or _GENERIC
    _check_provider(provider, spec)
    verify = spec.get("verify") or {}
    interval, timeout = _duration(spec, "interval"), _duration(spec, "timeout", _TIMEOUT)
    ref = spec.get("ref") or {}
    return GitSpec(
        wanted=GitWanted(
            url=url,
            ref=GitRef(**{part: ref.get(part) or "" for part in ("branch", "tag", "semver", "name", "commit")}),
            sparse=tuple(path.removeprefix("./") for path in spec.get("sparseCheckout") or ()),
            timeout_seconds=timeout.total_seconds(),
        ),
        interval=interval,
        secret=_name(spec.get("secretRef")),
        proxy_secret=_name(spec.get("proxySecretRef")),
        provider=provider,
        ignore=spec.get("ignore"),
        verify_mode=verify_mode(verify) if verify else None,
        verify_secret=_name(verify.get("secretRef")) or "",
        includes=tuple(_include(found) for found in spec.get("include") or ()),
    )


def verify_mode(verify: Mapping[str, Any]) -> str:
    """What has to be signed, in the present spelling."""
    mode = verify.get("mode") or HEAD
    return HEAD if mode == "head" else str(mode)


def is_content_changed(
    spec: Mapping[str, Any], status: Mapping[str, Any], included: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether the artifact has to be made again although the revision is the same.

    `spec` and `status` as the API has them; `included` are the artifacts of `spec.include` now.
    Source: the original's gitContentConfigChanged.
    """
    if spec.get("ignore") != status.get("observedIgnore"):
        return True
    if (spec.get("sparseCheckout") or []) != (status.get("observedSparseCheckout") or []):
        return True
    if (spec.get("include") or []) != (status.get("observedInclude") or []):
        return True
    if _needs_verification(spec.get("verify"), status.get("sourceVerificationMode")):
        return True
    return is_include_changed(status, included)


def is_include_changed(status: Mapping[str, Any], included: Sequence[Mapping[str, Any]]) -> bool:
    """Whether other artifacts are included than were last time."""
    before = status.get("includedArtifacts") or []
    return [_identity(found) for found in before] != [_identity(found) for found in included]


def below_root(path: str) -> str:
    """A path below a root; what climbs ends at the root, as Flux joins paths."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def owner_of(name: Name) -> str:
    """Whose artifacts they are, in the store."""
    return f"gitrepository/{name.namespace}/{name.name}"


def _check_url(url: str) -> None:
    try:
        found = urlsplit(url)
        host, _ = found.hostname, found.port
    except ValueError as error:
        raise SourceStalled(f"failed to parse url '{url}': {error}", reason="URLInvalid") from error
    if found.scheme not in SCHEMES or not host:
        raise SourceStalled(
            f"failed to parse url '{url}': no repository over http, https or ssh",
            "an address such as git@host:path is written ssh://git@host/path",
            reason="URLInvalid",
        )


def _check_provider(provider: str, spec: Mapping[str, Any]) -> None:
    if provider == GITHUB and not _name(spec.get("secretRef")):
        raise SourceStalled(
            "secretRef with github app data must be specified when provider is set to github", reason=_INVALID_PROVIDER
        )
    if provider not in (_GENERIC, GITHUB):
        raise SourceStalled(
            f"spec.provider: '{provider}' is not supported by kseal",
            "use the provider generic, with a token or an SSH key in spec.secretRef",
            reason=_INVALID_PROVIDER,
        )


def _needs_verification(verify: Mapping[str, Any] | None, observed: object) -> bool:
    return bool(verify) and observed not in _COVERS.get(verify_mode(verify or {}), set())


def _identity(artifact: Mapping[str, Any]) -> tuple[object, object]:
    return artifact.get("revision"), artifact.get("digest")


def _include(found: Mapping[str, Any]) -> Include:
    name = _name(found.get("repository")) or ""
    return Include(name, below_root(found.get("fromPath") or ""), below_root(found.get("toPath") or name))


def _name(reference: Mapping[str, Any] | None) -> str | None:
    return (reference or {}).get("name") or None


def _duration(spec: Mapping[str, Any], field: str, default: timedelta = timedelta(0)) -> timedelta:
    text = spec.get(field)
    if text is None:
        return default
    try:
        return parse_duration(text)
    except ValueError:
        raise SourceStalled(f"spec.{field}: {text!r} is not a duration", "write it as in 1m or 1h30m") from None
