"""The outside world, one plug-in per backend; no plug-in knows another."""
