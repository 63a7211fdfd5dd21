"""Who tells people what, and when: conditions (what holds), boards (what people know), channels (what is on its way)."""
