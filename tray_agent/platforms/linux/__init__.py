"""Linux: prctl, /proc, scheduler classes."""
