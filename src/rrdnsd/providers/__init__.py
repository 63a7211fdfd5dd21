"""What writes DNS: one file per update method."""
