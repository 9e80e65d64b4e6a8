"""The verbs of deliveries: get, tree, diff, build, sync, suspend, resume, events, logs."""
