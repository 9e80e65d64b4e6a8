"""`decrypt --in-place` and `encrypt --in-place` over many files."""

from sealer.cli import files
from sealer.cli.sops import many
from sealer.cli.sops.call import Call, Failed, now
from sealer.cli.sops.many import Found, Many
from sealer.cli.sops.newfile import plan
from sealer.sops.batch import Batch
from sealer.sops.config import NoRuleMatches
from sealer.sops.operations import decrypt_file, encrypt_file
from sealer.sops.verify import may_be_encrypted, must_be_encrypted

DECRYPT_EXAMPLE = "kseal sops decrypt --in-place --recursive clusters/"
ENCRYPT_EXAMPLE = "kseal sops encrypt --in-place --recursive clusters/"
_FOR_ONE = ("output", "filename-override", "output-type")


def decrypt(call: Call) -> int:
    """Decrypt files where they stand; below folders, those that are encrypted."""
    many.refuse(call, "extract", *_FOR_ONE)
    many.require_in_place(call, DECRYPT_EXAMPLE)
    every = Many(call, DECRYPT_EXAMPLE)
    for found in every.found:
        files.refuse_work_tree(found.shown, is_forced=call.flag("force"))

    def work(found: Found, batch: Batch) -> bool:
        form = call.input_format(found.path)
        data = found.read()
        if not (found.is_named or may_be_encrypted(data, form)):
            return False
        ignore_mac = call.flag("ignore-mac")
        plain = decrypt_file(
            data, form, form, every.keys_for(found, batch), ignore_mac=ignore_mac, warn=call.voice.warning
        )
        with batch.waiting():
            call.replace(found.path, plain, is_plaintext=True)
        return True

    return 1 if every.failures(every.each("decrypting, file", call.keys(), work)) else 0


def encrypt(call: Call) -> int:
    """Encrypt files where they stand; below folders, those that a rule means and that are plain."""
    many.refuse(call, "update", *_FOR_ONE)
    many.require_in_place(call, ENCRYPT_EXAMPLE)
    every = Many(call, ENCRYPT_EXAMPLE, is_for_plain=True)

    def work(found: Found, batch: Batch) -> bool:
        form = call.input_format(found.path)
        data = found.read()
        if not found.is_named and (may_be_encrypted(data, form) or not _is_meant(call, found, data)):
            return False
        wanted = plan(call, found.path, form)
        encrypted = encrypt_file(
            data,
            form,
            form,
            batch.keys,
            groups=wanted.groups,
            shamir_threshold=wanted.threshold,
            selection=wanted.selection,
            now=now(),
        )
        with batch.waiting():
            call.replace(found.path, encrypted)
        return True

    done = every.each("encrypting, file", call.keys(), work)
    if every.failures(done):
        return 1
    if not any(one.result for one in done) and any(_is_open(call, one.item) for one in done):
        call.voice.warning("nothing is encrypted: a rule without path_regex does not say which files below a folder")
    return 0


def _is_open(call: Call, found: Found) -> bool:
    """Whether a file that was left is plain, and its rule is for all files, so that it is meant by no rule."""
    try:
        rule = call.rule(found.path)
    except NoRuleMatches:
        return False
    return rule is not None and rule.is_for_all and not may_be_encrypted(found.read(), call.input_format(found.path))


def _is_meant(call: Call, found: Found, data: bytes) -> bool:
    """Whether a file below a folder is to be encrypted. Raises: Failed, SopsError."""
    try:
        rule = call.rule(found.path)
    except NoRuleMatches:
        return False
    if rule is None:
        raise Failed("no rule says whether it is to be encrypted", many.MISUSED, "write a .sops.yaml, or name the file")
    return must_be_encrypted(data, call.input_format(found.path), rule)
