"""The `rrdnsd` command: one file for each subcommand."""


def main() -> None:
    """Run the command line."""
