"""Git, by the real program as a child process that is told everything and trusted with nothing."""
