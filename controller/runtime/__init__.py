"""The machine under every reconciler: what to look at next, and how its outcome is reported."""
