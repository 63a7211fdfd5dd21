"""A pytest plug-in for mutation testing: the same verdict each time, and no time spent on a verdict that is clear."""

from hypothesis import Phase, is_hypothesis_test, settings


def pytest_configure():
    """Take the same examples each time, and do not look for the simplest one that fails: that one fails is enough."""
    settings.register_profile(
        "mutation",
        settings.get_profile("rrdnsd"),
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
    )
    settings.load_profile("mutation")


def pytest_collection_modifyitems(items):
    """Begin with the tests that take little time."""
    items.sort(key=lambda item: is_hypothesis_test(item.obj))
