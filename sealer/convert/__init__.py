"""Secrets from one way of keeping them in Git to another: SealedSecrets, SOPS files, plain Secrets."""
