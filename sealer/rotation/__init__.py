"""Reseal what stands in files, under the newest key: find, replace in place, repository in and commit out."""
