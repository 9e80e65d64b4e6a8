"""HTTP to one server: dial, send, read, and say how far a failed exchange got. Knows nothing of Kubernetes objects."""
