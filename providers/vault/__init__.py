"""Vault, and OpenBao, which has its API."""
