"""The flags that verbs share, and those of the program itself, with which a line without a verb is written.

Source: getsops/sops cmd/sops/main.go, release 3.13.3. Texts are ours.
"""

from sealer.cli.compat.goflag import Flag

FORMATS = "binary, dotenv, ini, json or yaml; by the suffix of the file name if not given"

IN_PLACE = Flag(("in-place", "i"), "write the result back to the file")
OUTPUT = Flag(("output",), "write the result to this file", "FILE")
INPUT_TYPE = Flag(("input-type",), f"format of the input: {FORMATS}", "FORMAT")
OUTPUT_TYPE = Flag(("output-type",), f"format of the output: {FORMATS}", "FORMAT")
TYPES = (INPUT_TYPE, OUTPUT_TYPE)
IGNORE_MAC = Flag(("ignore-mac",), "do not check the MAC, which shows whether the file was changed")
EXTRACT = Flag(("extract",), """only the part at this place, such as '["key"][0]'""", "PATH")
FILENAME_OVERRIDE = Flag(("filename-override",), "the file name for rules and formats, needed with stdin", "NAME")
DECRYPTION_ORDER = Flag(("decryption-order",), "kinds of keys to try first, by comma", "KINDS", "SOPS_DECRYPTION_ORDER")
CONTEXT = Flag(("encryption-context",), "encryption context for AWS KMS: KEY:VALUE,…", "PAIRS")
THRESHOLD = Flag(("shamir-secret-sharing-threshold",), "how many key groups are needed to decrypt", "N", is_number=True)
SHOW_MASTER_KEYS = Flag(("show-master-keys", "s"), "show the metadata with the master keys in the editor")
YES = Flag(("yes", "y"), "do not ask")
USER = Flag(("user",), "the user as whom the command runs", "NAME")
BACKGROUND = Flag(("background",), "do not wait for the command (deprecated)")
VERBOSE = Flag(("verbose",), "say what is being done")

KEY_SERVICES = (
    Flag(("enable-local-keyservice",), "use keys from here", environ="SOPS_ENABLE_LOCAL_KEYSERVICE", default=True),
    Flag(("keyservice",), "key service to use as well, such as tcp://host:5000", "URL", "SOPS_KEYSERVICE", many=True),
)

AWS_PROFILE = Flag(("aws-profile",), "profile for AWS", "NAME")
KEYS = (
    Flag(("kms", "k"), "ARNs of keys of AWS KMS, by comma", "ARNS", "SOPS_KMS_ARN"),
    AWS_PROFILE,
    Flag(("gcp-kms",), "resource IDs of keys of GCP KMS, by comma", "IDS", "SOPS_GCP_KMS_IDS"),
    Flag(("hckms",), "keys of Huawei KMS, REGION:UUID, by comma", "IDS", "SOPS_HUAWEICLOUD_KMS_IDS"),
    Flag(("azure-kv",), "URLs of keys of Azure Key Vault, by comma", "URLS", "SOPS_AZURE_KEYVAULT_URLS"),
    Flag(("hc-vault-transit",), "URLs of keys of Vault's transit engine, by comma", "URLS", "SOPS_VAULT_URIS"),
    Flag(("pgp", "p"), "PGP fingerprints, by comma", "FINGERPRINTS", "SOPS_PGP_FP"),
    Flag(("age", "a"), "age recipients, by comma", "RECIPIENTS", "SOPS_AGE_RECIPIENTS"),
)
"""Keys for a new file, which replace those of the rules."""

SELECTION = (
    Flag(("unencrypted-suffix",), "leave values plain under keys with this suffix", "SUFFIX"),
    Flag(("encrypted-suffix",), "encrypt only values under keys with this suffix", "SUFFIX"),
    Flag(("unencrypted-regex",), "leave values plain under keys that match", "PATTERN"),
    Flag(("encrypted-regex",), "encrypt only values under keys that match", "PATTERN"),
)
COMMENT_SELECTION = (
    Flag(("unencrypted-comment-regex",), "leave values plain beside comments that match", "PATTERN"),
    Flag(("encrypted-comment-regex",), "encrypt only values beside comments that match", "PATTERN"),
)

KEY_KINDS = {
    "kms": "kms",
    "pgp": "pgp",
    "gcp-kms": "gcp_kms",
    "hckms": "hckms",
    "azure-kv": "azure_kv",
    "hc-vault-transit": "hc_vault",
    "age": "age",
}
"""The flag of each kind of key."""

CHANGES = tuple(
    Flag((f"{verb}-{name}",), f"{what} these keys of {kind}, by comma", "KEYS")
    for name, kind in KEY_KINDS.items()
    for verb, what in (("add", "add to the first group"), ("rm", "remove from all groups"))
)
"""Changes of the keys of a file that is rotated."""

SETTINGS = (
    Flag(("config",), "the .sops.yaml to use, instead of looking for one", "FILE", "SOPS_CONFIG"),
    Flag(("indent",), "spaces by which YAML and JSON are indented", "N", is_number=True),
    Flag(("mac-only-encrypted",), "let the MAC cover encrypted values only"),
)
"""Flags of the program that hold for its verbs too."""

ALONE = (
    Flag(("decrypt", "d"), "decrypt a file"),
    Flag(("encrypt", "e"), "encrypt a file"),
    Flag(("rotate", "r"), "encrypt a file under a new data key"),
    Flag(("set",), """set a value: '["key"][0] JSON'""", "PATH VALUE"),
    Flag(("disable-version-check",), "nothing: no version is ever looked up", environ="SOPS_DISABLE_VERSION_CHECK"),
    Flag(("check-for-updates",), "nothing: no version is ever looked up"),
    *KEYS,
    IN_PLACE,
    EXTRACT,
    *TYPES,
    SHOW_MASTER_KEYS,
    *CHANGES,
    IGNORE_MAC,
    *SELECTION,
    *COMMENT_SELECTION,
    CONTEXT,
    THRESHOLD,
    OUTPUT,
    FILENAME_OVERRIDE,
    DECRYPTION_ORDER,
    *KEY_SERVICES,
    VERBOSE,
    Flag(("version", "v"), "print the version"),
)
"""Flags of a line without a verb."""

HELP = Flag(("help", "h"), "show this help")

RECURSIVE = Flag(("recursive", "r"), "in folders, every file below them that the verb is about")
DRY_RUN = Flag(("dry-run",), "write nothing; show what would change, with exit code 3 if anything would")
KEEP_LAYOUT = Flag(("keep-layout",), "YAML: change values where they stand; quotes, blank lines and anchors stay")
FORCE = Flag(("force",), "write plaintext even into a Git work tree")
COMMON = (
    Flag(("config-beside-file",), "look for .sops.yaml from the folder of the file upwards"),
    Flag(("backend",), "sops: start the real sops for kinds of key that kseal does not serve", "NAME"),
    Flag(("quiet", "q"), "say nothing but errors"),
    Flag(("verbose", "v"), "say what is being done"),
    Flag(("color",), "colours in messages: auto, always or never", "WHEN"),
)
"""Flags that only `kseal sops` has."""
