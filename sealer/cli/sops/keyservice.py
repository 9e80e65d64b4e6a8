"""`sops keyservice`: our keys for other processes, in the protocol of the original.

Whoever reaches the address may use the keys.
"""

from engine import undumpable
from sealer.cli.compat.goflag import Flag
from sealer.cli.files import end_by_exception
from sealer.cli.sops import flags
from sealer.cli.sops.call import Call
from sealer.cli.sops.verbs import SopsVerb


def run(call: Call) -> int:
    """Serve until a signal ends it."""
    from sealer.cli.sops.attended import person_at_terminal
    from sealer.cli.sops.services import services
    from sealer.sops.recipients.keyserver import KeyServer

    undumpable.protect()
    person = person_at_terminal() if call.flag("prompt") else None
    server = KeyServer(services(call.environ, has_local=True, uris=()), person=person)
    where = server.start(call.text("network"), call.text("address"))
    call.voice.info(f"Listening on {where}")
    end_by_exception()
    try:
        server.wait()
    except (KeyboardInterrupt, SystemExit):
        call.voice.info("stopped by a signal")
    finally:
        server.stop()
    return 0


VERB = SopsVerb(
    "keyservice",
    "Serve keys to other processes.",
    "",
    (
        Flag(("network", "net"), "tcp or unix", "NETWORK", default="tcp"),
        Flag(
            ("address", "addr"),
            "where to listen, such as 127.0.0.1:5000 or /run/sops.sock",
            "ADDRESS",
            default="127.0.0.1:5000",
        ),
        Flag(("prompt",), "ask before each use of a key"),
        flags.VERBOSE,
    ),
    run,
    examples=("kseal sops keyservice --network unix --address /run/user/1000/sops.sock --prompt",),
)
