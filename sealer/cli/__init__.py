"""The command line: one file per verb, over the same functions that the controller uses."""
