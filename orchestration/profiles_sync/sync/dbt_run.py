"""One dbt invocation, streamed into Dagster's events and read into table results.

The loop is ours, not `DbtCliInvocation.stream()`: a table can be born in the very run that builds it, and dagster-dbt
knows only the nodes it was loaded with. For the same reason dbt is called without Dagster's context, whose selection
would be added to ours.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import dagster as dg
import orjson
from dagster_dbt import DagsterDbtTranslator, DbtCliResource
from packaging.version import Version

from profiles_sync.project import Workplace, dbt_executable, project_dir
from profiles_sync.sync.diagnosis import diagnose
from profiles_sync.sync.outcome import Group, IdentityResult, Status, SyncError, TableResult

REPORT_PREFIX = "PROFILES_SYNC "

# The log tells what became of each table, of a sync that is killed too, so dbt may not begin a new one in the middle.
# Its artifacts hold the whole project: with a thousand event tables, writing them takes longer than an hour's work.
_SETTINGS = {"DBT_LOG_FILE_MAX_BYTES": "0", "DBT_WRITE_JSON": "false"}
_LOG = "dbt.log"
_NODE_FINISHED = "NodeFinished"
_STATUSES = {"success": Status.SUCCESS, "skipped": Status.SKIPPED}
_IDENTITY_COUNTS = ("duplicates", "filtered", "profiles_created", "profiles_merged", "violations")


@dataclass(frozen=True)
class EventSlice:
    """The events that a table was built from.

    Attributes:
        after: Above this number …
        upto: … up to this one.
        received_from: None of them was received before; None: no limit.
        partial: A selection left some out, or a backfill added older ones.
    """

    after: int
    upto: int
    received_from: str | None = None
    partial: bool = False


class DbtCli(DbtCliResource):
    """dagster-dbt's resource without two detours.

    It asks `dbt --version`, which asks the package index, and opens an adapter in this process.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


class DbtRun:
    """Runs dbt once. Read `results` after `events` is exhausted."""

    def __init__(self, workplace: Workplace, manifest: Mapping[str, Any], translator: DagsterDbtTranslator) -> None:
        self._workplace = workplace
        self._manifest = manifest
        self._translator = translator
        self._reports: dict[str, dict[str, Any]] = {}
        self._messages: list[str] = []
        self._node_results: list[dict[str, Any]] = []
        self._exit_code = 0

    def events(
        self,
        arguments: Sequence[str],
        context: dg.AssetExecutionContext,
        target_path: Path,
        on_table: Callable[[str, int, int], None],
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[dg.Output[None] | dg.AssetMaterialization]:
        """Run dbt and yield an event for each table that it built.

        Args:
            arguments: Of dbt; a selection is one argument after ``--select``.
            context: Of the step.
            target_path: Where dbt writes its artifacts; new for each run.
            on_table: Called with a table, its place and the number of tables as each one starts.
            environment: Variables for dbt on top of this process's.
        """
        dbt = DbtCli(
            project_dir=str(project_dir()),
            profiles_dir=str(self._workplace.profiles_dir),
            dbt_executable=dbt_executable(),
        )
        with _environment({**_SETTINGS, **(environment or {})}):
            invocation = dbt.cli(
                arguments,
                manifest=self._manifest,
                dagster_dbt_translator=self._translator,
                target_path=target_path,
                raise_on_error=False,
            )
        # A track event's table is a materialization without a plan, whether Dagster knows it or it is born in this run.
        planned = set(context.op_execution_context.selected_output_names)
        for message in invocation.stream_raw_events():
            raw = message.raw_event
            info, data = raw["info"], raw["data"]
            if (report := _report(info["msg"])) is not None:
                self._reports[report["unique_id"]] = report
            elif info["name"] == "LogStartLine":
                on_table(self._table(data["node_info"]["unique_id"]), data["index"], data["total"])
            if info["level"] == "error":
                self._messages.append(info["msg"])
            for event in message.to_default_asset_events(
                manifest=self._manifest,
                dagster_dbt_translator=self._translator,
                context=context,
                target_path=target_path,
            ):
                if isinstance(event, dg.Output):
                    yield self._with_rows(event, data["node_info"]["unique_id"], planned)
        self._exit_code = invocation.process.wait()
        self._node_results = [
            {"unique_id": data["node_info"]["unique_id"], **data["run_result"]}
            for data in (
                line["data"]
                for line in _log_lines(target_path, _NODE_FINISHED)
                if line["info"]["name"] == _NODE_FINISHED
            )
        ]

    @property
    def results(self) -> tuple[list[TableResult], IdentityResult, SyncError | None]:
        """Table steps, identity's counts, and dbt's own failure when it did not get through them."""
        return read_results(
            self._manifest,
            self._node_results,
            self._reports,
            exit_code=self._exit_code,
            messages=self._messages,
            secrets=self._workplace.target.secrets,
        )

    @property
    def slices(self) -> dict[str, EventSlice]:
        """The events that each table was built from, by dbt's name of the step."""
        return {
            unique_id: EventSlice(
                int(report["slice"]["after"]),
                int(report["slice"]["upto"]),
                report["slice"]["received_from"],
                bool(report["slice"]["partial"]),
            )
            for unique_id, report in self._reports.items()
            if "slice" in report
        }

    def _table(self, unique_id: str) -> str:
        return str(self._manifest["nodes"][unique_id]["alias"])

    def _with_rows(
        self, event: dg.Output[None], unique_id: str, planned: set[str]
    ) -> dg.Output[None] | dg.AssetMaterialization:
        metadata = {**event.metadata, **rows_metadata(self._reports.get(unique_id))}
        if event.output_name in planned:
            return event.with_metadata(metadata)
        key = self._translator.get_asset_spec(self._manifest, unique_id, None).key
        return dg.AssetMaterialization(key, metadata=metadata)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    # dagster-dbt gives dbt this process's environment and takes no other.
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def rows_metadata(report: Mapping[str, Any] | None) -> dict[str, dg.MetadataValue[Any]]:
    """Return a table's rows of this sync as Dagster metadata; nothing for one that reports none (a view)."""
    if report is None:
        return {}
    counts = {name: int(report[name]) for name in ("inserted", "updated", "deleted")}
    metadata: dict[str, dg.MetadataValue[Any]] = {"rows_synced": dg.MetadataValue.int(sum(counts.values()))}
    metadata |= {f"rows_{name}": dg.MetadataValue.int(count) for name, count in counts.items()}
    if report["new_columns"]:
        metadata["new_columns"] = dg.MetadataValue.json(report["new_columns"])
    return metadata


def read_results(
    manifest: Mapping[str, Any],
    node_results: Sequence[Mapping[str, Any]],
    reports: Mapping[str, Mapping[str, Any]],
    *,
    exit_code: int,
    messages: Sequence[str] = (),
    secrets: Sequence[str] = (),
) -> tuple[list[TableResult], IdentityResult, SyncError | None]:
    """Read what a dbt invocation did.

    Args:
        manifest: dbt's manifest.
        node_results: What dbt says of each node that it came to: `unique_id`, `status`, `message`.
        reports: The models' own reports by `unique_id`; a report means that the model's rows are committed.
        exit_code: dbt's exit code: 0 good, 1 a node failed, else dbt itself did.
        messages: dbt's error messages, in order.
        secrets: Values to hide.

    Returns:
        A result for each model that ran or was to run, the counts of identity resolution, and an error if dbt did not
        come through: it selected nothing that it knows, could not connect, or was killed.
    """
    results = {result["unique_id"]: result for result in node_results if result["unique_id"].startswith("model.")}
    tables = [
        _table_result(unique_id, manifest["nodes"][unique_id], results.get(unique_id), reports.get(unique_id), secrets)
        for unique_id in dict.fromkeys((*results, *reports))
    ]
    error = None
    if exit_code not in (0, 1) or (exit_code == 1 and all(table.status is Status.SUCCESS for table in tables)):
        said = "\n".join(messages) or f"dbt ended with exit code {exit_code}"
        error = diagnose(said, fallback="E_DBT", secrets=secrets)
    counts: Mapping[str, Any] = next((report["identity"] for report in reports.values() if "identity" in report), {})
    identity = IdentityResult(**{name: int(counts.get(name, 0)) for name in _IDENTITY_COUNTS})
    return tables, identity, error


def run_folder(run_id: str) -> str:
    """Return the name of a sync's folder in the home's `runs_dir`."""
    return run_id[:8]


def committed_results(target_path: Path) -> tuple[list[TableResult], IdentityResult]:
    """Read from dbt's log what a sync had committed that was killed and could not tell.

    Its dbt may have gone on to the end. Tables that failed are not among the results.

    Args:
        target_path: Folder of the sync's dbt; need not exist.
    """
    said = (_report(line["info"]["msg"]) for line in _log_lines(target_path, REPORT_PREFIX))
    reports = {report["unique_id"]: report for report in said if report is not None}
    nodes = {
        unique_id: {"alias": report["table"], "config": {"meta": {"sync_group": report["group"]}}}
        for unique_id, report in reports.items()
    }
    tables, identity, _ = read_results({"nodes": nodes}, [], reports, exit_code=0)
    return tables, identity


def _log_lines(target_path: Path, wanted: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of dbt's log that hold a text; nothing where there is no log."""
    with contextlib.suppress(FileNotFoundError), (target_path / _LOG).open("rb") as log:
        for line in log:
            # The last line may be cut.
            with contextlib.suppress(orjson.JSONDecodeError):
                if wanted.encode() in line:
                    yield orjson.loads(line)


def _report(message: str) -> dict[str, Any] | None:
    """Return a model's report of its commit, None when dbt says something else."""
    if not message.startswith(REPORT_PREFIX):
        return None
    report: dict[str, Any] = orjson.loads(message.removeprefix(REPORT_PREFIX))
    return report


def _table_result(
    unique_id: str,
    node: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    report: Mapping[str, Any] | None,
    secrets: Sequence[str],
) -> TableResult:
    # A report without a result: dbt was killed after the commit.
    status = _STATUSES.get(result["status"], Status.FAILED) if result else Status.SUCCESS
    error = None
    if status is Status.FAILED:
        error = diagnose(str(result["message"] if result else ""), fallback="E_DBT", secrets=secrets)
    elif status is Status.SKIPPED:
        error = SyncError("E_DBT", "a table that it is made of failed")
    counts = report or {}
    return TableResult(
        table=str(node["alias"]),
        unique_id=unique_id,
        group=cast("Group | None", node["config"].get("meta", {}).get("sync_group")),
        status=status,
        inserted=int(counts.get("inserted", 0)),
        updated=int(counts.get("updated", 0)),
        deleted=int(counts.get("deleted", 0)),
        new_columns=tuple(counts.get("new_columns", ())),
        error=error,
    )
