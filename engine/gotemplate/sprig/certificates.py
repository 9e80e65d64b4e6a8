"""Private keys and certificates: authorities, self-signed ones, signed ones. Source: sprig crypto.go."""

from engine.gotemplate.certificate import Certificate
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import Value

_PRICE = 30_000_000
"""Units of cost, for a key of 2048 bits; limits how many a template can have made."""
_SUBJECT = "string, []any, []any, int"


def _private_key(kind: bytes) -> bytes:
    from engine.gotemplate.private_keys import generate

    return generate(kind)


def _authority(run: Run, *values: Value) -> Certificate:
    from engine.gotemplate.issuing import authority

    return authority(run, *values)


def _self_signed(run: Run, *values: Value) -> Certificate:
    from engine.gotemplate.issuing import self_signed

    return self_signed(run, *values)


def _signed(run: Run, *values: Value) -> Certificate:
    from engine.gotemplate.issuing import signed

    return signed(run, *values)


def _custom(cert: bytes, key: bytes) -> Certificate:
    from engine.gotemplate.issuing import custom

    return custom(cert, key)


FUNCTIONS: dict[str, Function] = {
    "buildCustomCert": function("string, string", _custom),
    "genCA": function("string, int", _authority, run=True, volatile=True, price=_PRICE),
    "genCAWithKey": function("string, int, string", _authority, run=True, volatile=True, price=_PRICE),
    "genPrivateKey": function("string", _private_key, volatile=True, price=2 * _PRICE),
    "genSelfSignedCert": function(_SUBJECT, _self_signed, run=True, volatile=True, price=_PRICE),
    "genSelfSignedCertWithKey": function(f"{_SUBJECT}, string", _self_signed, run=True, volatile=True, price=_PRICE),
    "genSignedCert": function(f"{_SUBJECT}, certificate", _signed, run=True, volatile=True, price=_PRICE),
    "genSignedCertWithKey": function(
        f"{_SUBJECT}, certificate, string", _signed, run=True, volatile=True, price=_PRICE
    ),
}
