"""The records of prefkit, their Arrow schemas, ids and validation; no input or output.

`records` holds the Python values, `arrow` the schemas, `ids` the digests, `validate` the rules,
`build` the way from values to rows and `columns` the one from rows to Arrow.
"""
