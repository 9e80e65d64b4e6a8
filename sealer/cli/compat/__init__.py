"""The original programs' command lines over our functions: their grammar, messages and exit codes."""
