"""Everything that speaks Kubernetes: YAML, manifests, credentials, requests and watches."""
