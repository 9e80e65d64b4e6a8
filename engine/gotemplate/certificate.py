"""The pair of a certificate and its key, as templates hold it. Source: sprig crypto.go."""

from engine.gotemplate import arguments
from engine.gotemplate.values import Struct, register


class Certificate(Struct):
    """sprig's certificate: `.Cert` and `.Key`, both PEM."""

    __slots__ = ("cert", "key")
    fields = ("Cert", "Key")

    def __init__(self, cert: bytes, key: bytes) -> None:
        self.cert = cert
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and (self.cert, self.key) == (other.cert, other.key)

    def __hash__(self) -> int:
        return hash((self.cert, self.key))


register(Certificate, "sprig.certificate", "struct")
arguments.register("certificate", Certificate)
