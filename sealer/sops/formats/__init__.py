"""The five texts that an envelope comes in. One module each, behind the table in `base`."""
