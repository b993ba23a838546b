"""The ports on SQLite and on files."""
