"""The version, for what reports it: the package's metadata takes 15 ms to ask."""

VERSION = "0.1.0"
