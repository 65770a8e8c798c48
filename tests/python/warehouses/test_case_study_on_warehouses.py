"""The case study, as on the engines that run here for real."""

from case_study.test_case_study import test_case_study  # noqa: F401
