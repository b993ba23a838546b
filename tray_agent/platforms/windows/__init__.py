"""Windows: job objects by ctypes."""
