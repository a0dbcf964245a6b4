"""For all tests: how many examples Hypothesis tries; how long one takes is the machine's business."""

from hypothesis import HealthCheck, settings

from seeds import often

settings.register_profile(
    "quire",
    max_examples=often(40, 200),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("quire")
