"""What the vendors' HTTP APIs have in common."""
