"""The functions of sprig v3.3.0, one file per idea; `generic` puts them into a table.

Each function takes and returns the values of `engine.gotemplate.values`. What makes the original panic raises here:
`Refused` where the reason is worth saying, else whatever Python raises, of which only the function's name is reported.
"""
