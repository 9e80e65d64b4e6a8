"""Everything that runs in the cluster: custom resources in, engine calls, status out."""
