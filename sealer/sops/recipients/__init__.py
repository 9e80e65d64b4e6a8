"""The kinds of master key: who can unwrap the data key of a file. Cloud kinds are served by `providers`."""
