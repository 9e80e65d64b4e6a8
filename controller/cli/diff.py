"""`kseal diff`: what a change of files changes in objects, between two builds or against a cluster."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from controller.cli import asked, builds, colouring, places, reach, report
from controller.cli.differences import compare
from controller.cli.kinds import KUSTOMIZATION
from controller.cli.variables import Variables, from_cluster
from engine.diff import Masks
from sealer.cli import files
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from controller.cli.builds import Built, Delivery
    from engine.diff import Difference
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal diff apps/web/overlays/production --rev main"
_DIFFERENT: Final = 3
_FAILED: Final = 1


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    _check(given)
    if given.flag("cluster"):
        return _against_cluster(given, terminal, environ)
    masks, revision = Masks(), given.text("rev")
    words: tuple[str | None, ...] = given.files or (None,)
    old_word, new_word = (words[0], words[0]) if revision else (words[0], words[1])
    with builds.bench(given, environ, Variables.of(given), terminal) as bench:
        old, is_old = _objects(given, bench, old_word, environ, revision)
        new, is_new = _objects(given, bench, new_word, environ, None)
    if not is_old and not is_new:
        raise Misused(f"{new_word}: no such file or folder")
    found = compare(_all(old), _all(new), masks)
    other = revision or old_word
    return _told(found, given, environ, title=f"{new_word or given.text('kustomization')} compared with {other}")


def _check(given: Given) -> None:
    """Raises: Misused unless exactly two things are compared."""
    ways = (len(given.files) == 2, given.text("rev") is not None, given.flag("cluster"))
    hint = f"for example: {EXAMPLE}"
    if len(given.files) > 2 or sum(ways) > 1:
        raise Misused("two things are compared: A and B, A and --rev, or A and --cluster", hint=hint)
    if sum(ways) == 0:
        raise Misused("what to compare with is not named: B, --rev or --cluster", hint=hint)
    if not given.files and not given.text("kustomization"):
        raise Misused("nothing to compare is named", hint=hint)
    if given.text("for") and not given.flag("cluster"):
        raise Misused("--for reads a Kustomization from a cluster, and needs --cluster", hint=hint)
    if given.text("for") and given.text("kustomization"):
        raise Misused("--for and --kustomization both name the Kustomization")


def _objects(
    given: Given, bench: builds.Bench, word: str | None, environ: Mapping[str, str], revision: str | None
) -> "tuple[list[Built], bool]":
    """One side, and whether it is there at all: a folder may be new, or gone."""
    try:
        place, deliveries = places.resolve(given, word, environ, revision=revision)
    except places.NoSuchPlace:
        if not given.text("rev"):
            raise
        return [], False
    return bench.build(place, deliveries), True


def _against_cluster(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    from controller.cli.clusterdiff import ClusterDiff
    from engine.kube.discovery import Discovery

    masks = Masks()
    with reach.opened(given, environ) as (client, namespace):
        variables = Variables.of(given, from_cluster(client, masks))
        word = given.files[0] if given.files else None
        place, deliveries = places.resolve(given, word, environ, namespace=namespace)
        if given.text("for"):
            deliveries = [_from_cluster(client, str(given.text("for")), namespace)]
        for one in deliveries:
            if one.spec.kube_config:
                terminal.warning(f"{one.ref}: spec.kubeConfig: it delivers to another cluster than is looked at here")
        with builds.bench(given, environ, variables, terminal) as bench:
            built = bench.build(place, deliveries)
        comparing = ClusterDiff(client, Discovery(client), masks, namespace)
        results = [comparing.compare(one) for one in built]
    failures = [failure for result in results for failure in result.failures]
    for failure in failures:
        terminal.error(masks.text(failure.message), failure.hint)
    found = [difference for result in results for difference in result.differences]
    code = _told(found, given, environ, title=f"{place.called} compared with the cluster")
    return _FAILED if failures else code


def _from_cluster(client: "Cluster", words: str, namespace: str) -> "Delivery":
    """The Kustomization that `--for` names. Raises: Misused, KsealError."""
    from controller.cli import found

    (one, *more) = asked.objects(words.split(), example="kseal diff apps --cluster --for kustomization/apps")
    if more or one.kind is not KUSTOMIZATION:
        raise Misused(f"--for: {words} is not one Kustomization")
    return builds.delivery(found.one(client, one, namespace).obj, "the cluster", namespace)


def _all(built: "Sequence[Built]") -> list[builds.Object]:
    return [obj for one in built for obj in one.objects]


def _told(found: "Sequence[Difference]", given: Given, environ: Mapping[str, str], *, title: str) -> int:
    """Write the report; the exit code."""
    form = given.text("output") or "text"
    if form == "json":
        shown = report.json(found)
    elif form == "markdown":
        shown = report.markdown(found, title=given.text("title") or title)
    else:
        shown = report.text(found, has_colour=not given.text("write") and colouring.is_wanted(given, environ))
    path = given.text("write")
    if path is None and form == "text":
        _print(shown)
    else:
        files.write_output(shown, path)
    return _DIFFERENT if found else 0


def _print(shown: str) -> None:
    """To standard output as it is: everything that a terminal obeys is escaped already, but our own colours."""
    if sys.stdout is not None:
        sys.stdout.write(shown)
        sys.stdout.flush()


VERB: Final = Verb(
    name="diff",
    summary="Show what a change of files changes in the objects that are delivered.",
    text="A and B are folders or files as kseal build takes them. With --rev, A is compared with itself at another "
    "revision of its Git work tree; with --cluster, with the objects as they are, by dry-runs of the API server, which "
    "write nothing. With a Kustomization, from a file or by --for from the cluster, its spec counts, and objects that "
    "it would delete are shown. Values of Secrets are masked, so that only equal and different can be seen. The exit "
    "code is 3 when anything differs, 1 when something could not be compared.",
    examples=(
        EXAMPLE,
        "kseal diff apps/web/overlays/staging apps/web/overlays/production",
        "kseal diff apps/web --cluster --for kustomization/apps -n flux-system",
        "kseal diff clusters/production/apps.yaml --rev origin/main -o markdown -w comment.md",
    ),
    options=(
        Option(("--rev",), "Compare with A at this revision of the work tree that it is in.", "REVISION"),
        Option(("--cluster",), "Compare with the cluster."),
        Option(("--for",), "The Kustomization in the cluster that delivers A.", "KIND/NAME"),
        *builds.OPTIONS,
        Option(
            ("-o", "--output"),
            "text, markdown for a comment on a pull request, or json [default: text].",
            "FORM",
            ("text", "markdown", "json"),
        ),
        Option(("--title",), "Heading of the Markdown.", "TEXT"),
        Option(("-w", "--write"), "Write there instead of to standard output.", "FILE"),
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="PATH",
)
