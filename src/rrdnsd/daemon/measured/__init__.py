"""What the state of the daemon reads like in figures, at the moment at which somebody asks."""
