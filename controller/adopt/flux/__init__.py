"""Taking over deliveries from Flux's controllers: what would change, the takeover, and the way back."""
