"""Taking over what another controller does in a running cluster, and the way back."""
