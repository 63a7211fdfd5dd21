"""`rrdnsd schema`: the configuration's JSON Schema, for editors."""

import json


def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from rrdnsd.config.jsonschema import json_schema  # noqa: PLC0415 - the command line starts without pydantic

    print(json.dumps(json_schema(), indent=2))
