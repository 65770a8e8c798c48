"""The worked examples of identity, as on the engines that run here for real."""

from identity.test_scenarios import test_dbt  # noqa: F401
