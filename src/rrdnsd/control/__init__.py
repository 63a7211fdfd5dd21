"""The contract between those who operate rrdnsd (the HTTP interface) and what carries it out (the daemon)."""
