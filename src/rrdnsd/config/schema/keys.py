"""What all objects of the configuration have in common."""

from pydantic import BaseModel, ConfigDict, JsonValue


class Keys(BaseModel):
    """An object of the configuration: no key but its own, except those that begin with `_`; never changed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        json_schema_extra={"patternProperties": {"^_": {}}},
    )


def text_default(text: str) -> dict[str, JsonValue]:
    """Word a default that depends on other keys, for the documentation."""
    return {"default_text": text}
