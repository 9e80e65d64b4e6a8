"""What a person runs: sealing and unsealing Secrets, readable in an afternoon by an auditor."""
