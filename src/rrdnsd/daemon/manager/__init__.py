"""What the service manager (systemd) is told: when the node is ready, that it lives, what goes on."""
