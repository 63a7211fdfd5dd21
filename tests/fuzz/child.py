"""`python -m fuzz.child TARGET FLAG...`: one target under atheris, with libFuzzer's flags; it never returns."""

import logging
import sys

import atheris


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    logging.disable(logging.CRITICAL)  # millions of refusals
    name, flags = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["rrdnsd", "fuzz.targets"]):
        from fuzz.targets import target  # noqa: PLC0415 - instrumented as it is imported

        checked = target(name)
    atheris.Setup([sys.argv[0], *flags], checked)
    atheris.Fuzz()


main()
