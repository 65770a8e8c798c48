"""The case study in three syncs, as on the engines that run here for real."""

from case_study.test_case_study import run_case_study
from support.dbt import Deployment


def test_case_study(deployment: Deployment) -> None:
    run_case_study(deployment, (2, 3, 4))
