"""The case study in three syncs, as on the engines that run here for real."""

from case_study.test_case_study import run_case_study
from support.dbt import Deployment


def test_case_study(deployment: Deployment) -> None:
    run_case_study(deployment, (2, 3, 4))
    with deployment.open() as warehouse:
        columns = warehouse.columns(warehouse.schemas.space)
    # What tells the materialization what to do stays out.
    assert [column.lower() for table, column, _ in columns if table.lower() == "id_graph"] == [
        "segment_id", "canonical_segment_id", "timestamp", "uuid_ts", "seq", "etl_ts",
    ]  # fmt: skip
