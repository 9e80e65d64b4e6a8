"""GitRepository, `source.toolkit.fluxcd.io/v1`: a repository whose state is stored as an artifact for others to apply.

Source: flux.md section 3.1; fluxcd/source-controller api/v1/gitrepository_types.go.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from controller.api.resource import Column, CustomResource
from controller.api.toolkit import (
    AGE,
    ANNOTATIONS,
    DURATION,
    NOT_OBSERVED,
    READY,
    SHORT_DURATION,
    STATUS,
    Artifact,
    Condition,
    LocalReference,
    rule,
)
from engine.kube.refs import Resource


class GitReference(Struct, frozen=True):
    """Which commit is meant; without any of these the head of the branch master."""

    branch: Annotated[str | UnsetType, Meta(description="The head of a branch.")] = UNSET
    tag: Annotated[str | UnsetType, Meta(description="A tag; it counts before branch.")] = UNSET
    semver: Annotated[
        str | UnsetType, Meta(description="The highest tag within a range of versions; it counts before tag.")
    ] = UNSET
    name: Annotated[
        str | UnsetType, Meta(description="A full ref, such as refs/pull/420/head; it counts before semver.")
    ] = UNSET
    commit: Annotated[
        str | UnsetType, Meta(description="A commit; it counts before all others, and may be sought on branch alone.")
    ] = UNSET


class GitVerification(Struct, frozen=True):
    """Whose signatures are asked for."""

    secretRef: Annotated[
        LocalReference,
        Meta(description="The Secret of the trusted public keys: PGP in items *.asc, SSH in items *.sshpub."),
    ]
    mode: Annotated[
        str | UnsetType,
        Meta(
            description="What has to be signed: the commit (HEAD, formerly head), the tag that leads to it, or both.",
            extra_json_schema={"default": "HEAD", "enum": ["head", "HEAD", "Tag", "TagAndHEAD"]},
        ),
    ] = UNSET


class GitInclude(Struct, frozen=True):
    """Another GitRepository whose files are put among those of this one."""

    repository: Annotated[LocalReference, Meta(description="The GitRepository, in the same namespace.")]
    fromPath: Annotated[str | UnsetType, Meta(description="What to take of it; all of it when absent.")] = UNSET
    toPath: Annotated[str | UnsetType, Meta(description="Where to put it; below its name when absent.")] = UNSET


class GitRepositorySpec(Struct, frozen=True):
    """The repository, how to get at it, and what of it is wanted."""

    url: Annotated[
        str,
        Meta(
            description="The repository, over http, https or ssh.",
            extra_json_schema={"pattern": "^(http|https|ssh)://.*$"},
        ),
    ]
    interval: Annotated[
        str,
        Meta(description="How often the repository is asked for news, give or take some.", extra_json_schema=DURATION),
    ]
    secretRef: Annotated[
        LocalReference | UnsetType,
        Meta(
            description="The Secret to log in with: username and password or bearerToken over http and https, identity"
            " and known_hosts over ssh."
        ),
    ] = UNSET
    provider: Annotated[
        str | UnsetType,
        Meta(
            description="Who vouches for us; generic when absent, which is the Secret alone.",
            extra_json_schema={"enum": ["generic", "aws", "azure", "github"]},
        ),
    ] = UNSET
    serviceAccountName: Annotated[
        str | UnsetType, Meta(description="The ServiceAccount that the providers aws and azure know.")
    ] = UNSET
    timeout: Annotated[
        str | UnsetType,
        Meta(
            description="How long one conversation with the Git server may take.",
            extra_json_schema={"default": "60s", **SHORT_DURATION},
        ),
    ] = UNSET
    ref: Annotated[GitReference | UnsetType, Meta(description="Which commit is meant; branch master when absent.")] = (
        UNSET
    )
    verify: Annotated[GitVerification | UnsetType, Meta(description="Whose signatures are asked for.")] = UNSET
    proxySecretRef: Annotated[
        LocalReference | UnsetType, Meta(description="The Secret of the proxy on the way to the Git server.")
    ] = UNSET
    ignore: Annotated[
        str | UnsetType,
        Meta(
            description="Files to leave out, in the form of .gitignore. It takes the place of the patterns that are"
            " built in."
        ),
    ] = UNSET
    suspend: Annotated[bool | UnsetType, Meta(description="Leave the repository alone for now.")] = UNSET
    recurseSubmodules: Annotated[bool | UnsetType, Meta(description="Fetch submodules too.")] = UNSET
    include: Annotated[
        list[GitInclude] | UnsetType,
        Meta(description="Other GitRepositories whose files are put among those of this one."),
    ] = UNSET
    sparseCheckout: Annotated[
        list[str] | UnsetType, Meta(description="Folders to keep; all of the repository when absent.")
    ] = UNSET


class GitRepositoryStatus(Struct, frozen=True):
    """What was stored last, and what it was made from."""

    observedGeneration: Annotated[
        int | UnsetType, Meta(description="The metadata.generation that was dealt with last.")
    ] = UNSET
    conditions: Annotated[list[Condition] | UnsetType, Meta(description="What holds.")] = UNSET
    artifact: Annotated[Artifact | UnsetType, Meta(description="What was stored last.")] = UNSET
    includedArtifacts: Annotated[
        list[Artifact] | UnsetType, Meta(description="What was included, in the order of spec.include.")
    ] = UNSET
    observedIgnore: Annotated[str | UnsetType, Meta(description="spec.ignore as it was then.")] = UNSET
    observedRecurseSubmodules: Annotated[
        bool | UnsetType, Meta(description="spec.recurseSubmodules as it was then.")
    ] = UNSET
    observedInclude: Annotated[list[GitInclude] | UnsetType, Meta(description="spec.include as it was then.")] = UNSET
    observedSparseCheckout: Annotated[
        list[str] | UnsetType, Meta(description="spec.sparseCheckout as it was then.")
    ] = UNSET
    sourceVerificationMode: Annotated[str | UnsetType, Meta(description="Which signatures were found to be good.")] = (
        UNSET
    )
    lastHandledReconcileAt: Annotated[
        str | UnsetType, Meta(description="The last request for a reconcile that was answered.")
    ] = UNSET


class GitRepository(Struct, frozen=True):
    """A Git repository whose state is stored as an artifact, for others to apply."""

    spec: Annotated[
        GitRepositorySpec | UnsetType,
        Meta(
            extra_json_schema={
                "x-kubernetes-validations": [
                    rule(
                        "!has(self.serviceAccountName) || (has(self.provider) &&"
                        " (self.provider == 'azure' || self.provider == 'aws'))",
                        "serviceAccountName can only be set when provider is 'azure' or 'aws'",
                    )
                ]
            }
        ),
    ] = UNSET
    status: Annotated[GitRepositoryStatus | UnsetType, Meta(extra_json_schema=NOT_OBSERVED)] = UNSET


GIT_REPOSITORY = CustomResource(
    resource=Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository"),
    singular="gitrepository",
    model=GitRepository,
    columns=(Column("URL", "string", ".spec.url"), AGE, READY, STATUS),
    short_names=("gitrepo",),
    categories=("all", "fluxcd", "fluxcd-sources"),
    annotations=ANNOTATIONS,
    folder="flux",
)
