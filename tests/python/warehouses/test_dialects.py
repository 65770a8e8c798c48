"""Golden values of the dialect macros, as on the engines that run here for real."""

from dialect.test_golden_values import *  # noqa: F403
