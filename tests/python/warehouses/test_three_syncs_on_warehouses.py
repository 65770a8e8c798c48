"""Three syncs, as on the engines that run here for real."""

from case_study.test_three_syncs import test_three_syncs  # noqa: F401
