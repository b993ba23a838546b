"""The HTTP interface of the first system, kept as it was over the same use cases."""
