"""What machines are told: counts and their names, StatsD, Prometheus. Knows nothing of the daemon."""
