"""What the process may still do once it runs: fitted to the configuration (pure), then told to the kernel."""
