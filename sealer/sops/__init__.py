"""SOPS files: the format, its rules and its keys. Contract: getsops/sops 3.13.3."""
