"""Ways to tell people: one file for each, registered under `rrdnsd.notifiers`."""
