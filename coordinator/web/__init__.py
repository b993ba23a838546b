"""HTTP in, use cases, HTTP out."""
