"""For all tests: how thorough hypothesis is, and that a slow machine is not a failure."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "rrdnsd",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("rrdnsd")
