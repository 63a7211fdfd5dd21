"""The picture of the house in docs/ shows the rooms of the import contract, floor by floor."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2]


def test_every_room_is_on_its_floor():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in tool["contracts"] if contract["type"] == "layers")
    floors = [set(re.findall(r"\w+", layer)) for layer in layers if layer != "__main__"]
    picture = ET.parse(ROOT / "docs" / "house.svg").getroot()  # noqa: S314 - our own file
    heights = {}
    for bold in picture.iterfind(".//*[@font-weight='600']"):
        for text in [bold, *bold]:
            if text.tag.endswith("text"):
                heights.setdefault(int(text.get("y")), set()).add(text.text)
    assert [heights[height] for height in sorted(heights)] == floors
