"""For all tests: how long an example of Hypothesis takes is the machine's business."""

from hypothesis import HealthCheck, settings

settings.register_profile("quire", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quire")
