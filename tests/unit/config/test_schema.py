"""The JSON Schema and the generated page of the documentation."""

import importlib.util
from importlib.metadata import distribution
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, SecretStr

from rrdnsd.config import plugins
from rrdnsd.config.jsonschema import json_schema
from rrdnsd.config.probeoptions import BUILT_IN
from rrdnsd.config.schema import SECRET_KEYS, BuiltinConfig, Config, ProviderConfig

ROOT = Path(__file__).parents[3]


def models(model=Config):
    found = {model}
    for field in model.model_fields.values():
        found |= {inner for nested in _models_in(field.annotation) for inner in models(nested)}
    return found


def _models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {found for arg in get_args(annotation) for found in _models_in(arg)}


def test_every_secret_is_kept_out_of_messages():
    secrets = {
        name
        for model in models()
        for name, field in model.model_fields.items()
        if field.annotation is SecretStr
    }
    assert secrets == SECRET_KEYS
    assert {Config, ProviderConfig, BuiltinConfig} <= models()


def test_every_key_is_described():
    schema = json_schema()
    objects = [schema, *schema["$defs"].values()]
    for described in objects:
        assert described["additionalProperties"] is False
        assert described["patternProperties"] == {"^_": {}}
        for name, prop in described["properties"].items():
            assert name == "$schema" or prop["description"], name
            assert not {"unit", "default_text"} & prop.keys(), name


def test_what_is_required():
    schema = json_schema()
    assert schema["required"] == ["local_node", "nodes", "services"]
    assert schema["$defs"]["ServiceConfig"]["required"] == ["fqdn", "zone", "healthcheck", "ipaddrs"]


def test_the_generated_documentation_is_current():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    generate_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate_docs)
    page = generate_docs.CONFIGURATION.read_text()
    assert page == generate_docs.configuration_page(), "run `make docs`"
    for model in models():
        for name in model.model_fields:
            assert f"| `{name}` |" in page


def test_the_schemes_without_probe_options_are_the_built_in_ones():
    installed = {p.name for p in distribution("rrdnsd").entry_points if p.group == plugins.PROBES}
    assert installed == BUILT_IN
