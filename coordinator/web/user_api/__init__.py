"""What people and their programs call: the native interface under /api/v1."""
