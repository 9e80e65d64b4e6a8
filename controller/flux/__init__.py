"""Deliveries as Flux's custom resources describe them: sources, Kustomizations, receivers."""
