import pytest

from support import packaging


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The .changes and the .deb."""
    return packaging.built_package(tmp_path_factory)


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    return packaging.bare_debian(tmp_path_factory)
