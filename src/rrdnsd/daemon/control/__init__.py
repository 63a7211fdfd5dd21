"""What operators see and order: reports made from what the daemon knows, and orders carried out."""
