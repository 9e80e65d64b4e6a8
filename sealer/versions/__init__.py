"""Encrypted files as Git sees them: versions that are merged, shown in a diff, or about to be committed."""
