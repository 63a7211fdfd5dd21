"""Pure decisions: no input, no output, no clock, no randomness. Time is always an argument, in seconds."""
