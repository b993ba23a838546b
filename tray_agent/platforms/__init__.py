"""What differs between operating systems. Only `choose` asks which one this is."""
