"""Go's text/template, with sprig's functions: text in, data in, bytes out.

`template.parse` is the way in, `table.Table` says which functions a template may call, `sprig.generic` holds the table
of the Sealed Secrets controller. Templates reach no environment, network or file, and what they may cost is bounded.
"""
