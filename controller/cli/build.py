"""`kseal build`: the objects that a folder comes to, as a delivery would build them, without a cluster."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from controller.cli import builds
from sealer.cli import files
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal build apps/web/overlays/production"
OUTPUT: Final = Option(("-o", "--output"), "Form of the output [default: yaml].", "FORM", ("yaml", "json"))


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    from controller.cli import places
    from controller.cli.variables import Variables
    from engine.diff import Masks

    if len(given.files) > 1:
        raise Misused("one folder or file is built at a time", hint=f"for example: {EXAMPLE}")
    place, deliveries = places.resolve(given, given.files[0] if given.files else None, environ)
    with builds.bench(given, environ, Variables.of(given), terminal) as bench:
        objects = [obj for built in bench.build(place, deliveries) for obj in built.objects]
    is_shown = given.flag("show-secrets")
    masks = Masks()
    text = written(objects if is_shown else [masks.shown(obj) for obj in objects], given.text("output") or "yaml")
    path = given.text("write")
    is_plaintext = is_shown and any(obj.get("kind") == "Secret" for obj in objects)
    if is_plaintext:
        files.refuse_work_tree(path, is_forced=given.flag("force"))
    files.write_output(text, path, is_plaintext=is_plaintext)
    return 0


def written(objects: list[dict[str, Any]], form: str) -> str:
    """Objects as one text: a stream of YAML, or a List as JSON."""
    from engine.kube import manifest

    if form == "json":
        return manifest.to_json({"apiVersion": "v1", "kind": "List", "items": objects})
    return "".join(map(manifest.to_yaml, objects))


VERB: Final = Verb(
    name="build",
    summary="Show the objects that a folder comes to, without a cluster.",
    text="PATH is a folder, plain or with a kustomization file, or a file with a Flux Kustomization, whose spec then "
    "says what is built and how: path, patches, images, substitution, metadata. Paths begin at the top of the Git work "
    "tree unless --source-root says otherwise. Values of Secrets are masked, equal values by equal masks; what SOPS or "
    "kseal sealed stays as it is. The program kustomize, from the PATH or KSEAL_KUSTOMIZE, is needed only for what "
    "kseal does not build itself.",
    examples=(
        EXAMPLE,
        "kseal build clusters/production/apps.yaml --set cluster=production",
        "kseal build apps/web --kustomization clusters/production/apps.yaml --env-file production.env -o json",
        "kseal build apps/web --decrypt --show-secrets -w /dev/shm/web.yaml",
    ),
    options=(
        *builds.OPTIONS,
        OUTPUT,
        Option(("--show-secrets",), "Show the values of Secrets."),
        Option(("-w", "--write"), "Write there instead of to standard output.", "FILE"),
        Option(("--force",), "Write values of Secrets into a Git work tree."),
        *COMMON,
    ),
    run=run,
    files="PATH",
)
