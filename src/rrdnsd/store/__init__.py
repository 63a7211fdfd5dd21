"""The store: events, orders of operators, their audit and probe history, in one SQLite file off the event loop."""
