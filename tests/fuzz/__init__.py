"""Fuzzing: what strangers can send, thrown at the code that reads it; `python -m tests.fuzz --help` says how."""
