"""The real programs that tests, demo and bench run against: find, build and start them."""
