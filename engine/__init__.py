"""GitOps as a library: knows Kubernetes' built-in kinds and no custom resource."""
