"""What is kept of remote bases, so that not every build fetches them: what was asked for last, as much as fits."""

from pathlib import Path

from engine.remotebases import RemoteBases
from engine.source.git import GitSource
from engine.source.guard import Guard
from tests.kit.peer import Asked, Peer, Wire


class Server:
    """Answers with a hundred bytes, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, asked: Asked, wire: Wire) -> None:
        self.asked.append(asked.target)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100)
        wire.close()


def test_what_was_asked_for_longest_ago_goes_where_room_ends(tmp_path: Path) -> None:
    guard, server = Guard(), Server()
    bases = RemoteBases(GitSource(tmp_path, environ={}, guard=guard), guard, kept_bytes=250)
    with Peer(server) as peer:
        for name in ("a", "b", "a", "c", "a", "b"):
            assert bases.file(f"{peer.url}/{name}") == b"x" * 100
        assert server.asked == ["/a", "/b", "/c", "/b"]


def test_what_fits_nowhere_is_fetched_each_time_and_leaves_the_others(tmp_path: Path) -> None:
    guard, server = Guard(), Server()
    bases = RemoteBases(GitSource(tmp_path, environ={}, guard=guard), guard, kept_bytes=99)
    with Peer(server) as peer:
        for _ in range(2):
            assert bases.file(f"{peer.url}/a") == b"x" * 100
        assert len(server.asked) == 2


def test_an_answer_is_good_for_a_while(tmp_path: Path) -> None:
    guard, server, now = Guard(), Server(), [0.0]
    bases = RemoteBases(GitSource(tmp_path, environ={}, guard=guard), guard, fresh_seconds=60.0, clock=lambda: now[0])
    with Peer(server) as peer:
        for moment in (0.0, 59.0, 61.0):
            now[0] = moment
            bases.file(f"{peer.url}/a")
        assert len(server.asked) == 2
