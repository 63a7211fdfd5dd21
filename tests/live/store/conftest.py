"""A file system of its own, small enough to be filled."""

import pytest

from support.small_disk import small_disk as made_small_disk


@pytest.fixture
def small_disk(tmp_path):
    with made_small_disk(tmp_path / "disk", "2m") as folder:
        yield folder
