"""Which of two states of an object is the later one."""


def is_newer(version: str, than: str) -> bool:
    """Compare resource versions: decimal numbers on every server that conforms; what is not compares as newer.

    Source: Kubernetes API concepts, resource versions (comparable as integers since 1.35, in practice since ever).
    """
    return int(version) > int(than) if version.isdecimal() and than.isdecimal() else version != than
