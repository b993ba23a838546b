"""macOS: sessions, process groups and a walk over the process table."""
