"""The service that most tests watch."""

ZONE = "example.test"
NAME = "www.example.test"
