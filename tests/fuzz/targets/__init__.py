"""One module per surface: `SEEDS` and `PIECES` to build inputs from, and `check`, which raises when a rule breaks."""
