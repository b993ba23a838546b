"""What jobs, attempts and workers are and may become. Pure: no I/O, no clock."""
