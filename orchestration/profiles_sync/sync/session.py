"""One sync from lock to record. Dagster's steps call it in turn; nothing here depends on who started the sync."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from profiles_sync import alerts
from profiles_sync.errors import ProfilesSyncError
from profiles_sync.landing import LandingOptions, LoadReport, Source, SourceName, land
from profiles_sync.landing.files import public_path
from profiles_sync.landing.model import RECENT_DAYS
from profiles_sync.privacy.erase import strip
from profiles_sync.privacy.requests import finish, has_unfinished
from profiles_sync.project import Workplace, load_manifest, project_dir, run_dbt
from profiles_sync.services import reload_definitions
from profiles_sync.settings import Settings, SourceConfig, load_settings
from profiles_sync.sync import history
from profiles_sync.sync.checks import ROWS, built_tables, check_tables
from profiles_sync.sync.dbt_run import DbtRun, run_folder
from profiles_sync.sync.diagnosis import diagnose_exception, redact
from profiles_sync.sync.event_models import PREFIX, Registry, read_registry, write_dbt_files
from profiles_sync.sync.lock import HomeLock
from profiles_sync.sync.outcome import LandingResult, Outcome, Status, SyncError, conclude, skipped
from profiles_sync.sync.plan import SHADOW_SUFFIX, Plan, make_plan, rebuild_plan
from profiles_sync.sync.progress import Reporter
from profiles_sync.sync.prune import require_every_call
from profiles_sync.sync.store import Standing, Store, bind, open_store

SHADOW = {"PROFILES_SYNC_SHADOW": SHADOW_SUFFIX}
_PAGE = 50
# Files that could not be read, told one by one; the ledger has all of them.
_UNREAD_TOLD = 10


class Session:
    """A sync in progress: one per Dagster run.

    Attributes:
        workplace: Home and warehouse.
        run_id: The run, which is the sync's id too.
        sources: What the program that started it was told to read instead of what the home's file names.
    """

    def __init__(
        self,
        workplace: Workplace,
        run: dg.DagsterRun,
        instance: dg.DagsterInstance,
        reporter: Reporter,
        sources: Sequence[str] = (),
    ) -> None:
        self.workplace = workplace
        self.sources = sources
        self.run_id = run.run_id
        self._run = run
        self._instance = instance
        self._reporter = reporter
        self._lock = HomeLock(workplace.home.lock_file)
        self._started_at = history.now()
        self._started = time.monotonic()
        self._loading_since: float | None = None
        self._landing = LandingResult()
        self._dbt: DbtRun | None = None
        # The `uuid_ts` of its rows.
        self._mark: datetime | None = None
        self._outcome: Outcome | None = None
        self._rebuild = False
        # What a rebuild gives dbt besides.
        self._variables: list[str] = []
        self._locked = False
        self._recorded = False

    @contextmanager
    def step(self, context: dg.AssetExecutionContext) -> Iterator[bool]:
        """Enclose a step's work: take the lock in the first step, and record whatever ends the sync early.

        Yields:
            Whether there is work; False when another sync holds the lock.

        Raises:
            dg.Failure: The work failed; its first line is the error's own.
        """
        try:
            yield self._begin(context)
        except dg.Failure:
            raise
        except GeneratorExit:
            raise
        except BaseException as error:
            secrets = self.workplace.target.secrets
            found = diagnose_exception(error, secrets=secrets)
            if not isinstance(error, ProfilesSyncError):
                context.log.error(redact(traceback.format_exc(), secrets))
            if not self._recorded:
                self._finish(self._cut_short(found), context)
            if not isinstance(error, Exception):
                raise
            description = f"{history.summary(self._require_outcome())}\n{found.hint}".strip()
            raise dg.Failure(description, allow_retries=False) from None

    def _begin(self, context: dg.AssetExecutionContext) -> bool:
        if self._locked:
            return True
        if self._outcome is not None:
            return False
        self._instance.add_run_tags(self.run_id, {history.SYNC_TAG: "true"})
        if not self.workplace.deployment.enabled:
            context.log.info("Skipped: syncs of this home are off.")
            self._finish(skipped("syncs of this home are off", code="E_CONFIG"), context)
            return False
        if not self._lock.acquire(self.run_id):
            holder = self._lock.holder()
            who = f"sync {holder.run_id[:8]}" if holder and holder.run_id else "another command"
            context.log.info(f"Skipped: {who} is running in this home.")
            self._finish(skipped(f"{who} is running in this home"), context)
            return False
        self._locked = True
        self._lock.extend_to_children()
        self._instance.add_run_tags(self.run_id, {history.LOCKED_TAG: "true"})
        history.close_dead_runs(self._instance, self.workplace.home)
        return True

    def land(
        self,
        context: dg.AssetExecutionContext,
        sources: Sequence[SourceConfig],
        *,
        full_refresh: bool = False,
        with_current_rules: bool = False,
        all_files: bool = False,
    ) -> LoadReport:
        """Land what is new; the sync ends here when no other step was chosen.

        Of the archives that the home's file names, the newest days are looked at, and once a day all of them: a file that comes late
        into an old folder is read within a day, and an hour does not list years.

        Args:
            context: Of the step.
            sources: Where to look; empty: what the home's file names.
            full_refresh: The tables are to be rebuilt afterwards.
            with_current_rules: Then identities are resolved as if today's settings and rules had always held.
            all_files: Look at all days of the archives.

        Raises:
            ProfilesSyncError: Nothing to read was ever named, a setting is wrong, or landing failed.
        """
        self._rebuild = full_refresh
        if with_current_rules:
            self._variables = ["--vars", "{with_current_rules: true}"]
        archives = _digest(source.path for source in self.workplace.deployment.sources)
        whole = all_files or bool(sources) or history.whole_listing_is_due(self._instance, archives)
        report = land_files(
            self.workplace,
            sources,
            self._reporter,
            rebuilding=full_refresh,
            recent_days=None if whole else RECENT_DAYS,
            erase=self._go_on_erasing,
        )
        if whole and not sources and not any(file.status == "unavailable" for file in report.files):
            self._instance.add_run_tags(self.run_id, {history.LISTING_TAG: archives})
        self._landing = LandingResult(
            (report.load_id,) if report.load_id else (),
            report.landed,
            sum(report.rejected.values()),
            len(report.files),
            tuple(
                redact(f"{file.path}: {file.status}: {file.detail}", self.workplace.target.secrets)
                for file in report.files
                if file.status not in ("landed", "empty")
            )[:_UNREAD_TOLD],
            report.passed_over,
        )
        if len(context.op_execution_context.job_def.nodes) == 1:
            self._finish(conclude(landing=self._landing), context)
        return report

    def _go_on_erasing(self) -> None:
        """Make stubs of the calls that somebody asked to erase; the tables have yet to be rebuilt without them."""
        self._rebuild = True
        self._reporter.phase("Erasing")
        strip(self.workplace)

    def build(
        self, context: dg.AssetExecutionContext, translator: DagsterDbtTranslator
    ) -> Iterator[dg.Output[None] | dg.AssetMaterialization | dg.AssetCheckResult]:
        """Build the tables that are behind, or all of them anew in a rebuild, check them, and end the sync.

        Raises:
            dg.Failure: A table or dbt failed; everything that succeeded has been yielded.
        """
        self._reporter.phase("Planning")
        settings = load_settings(self.workplace.home, project_dir(), self.workplace.target.schema)
        planned = None
        with open_store(self.workplace) as store:
            registry = read_registry(store.warehouse)
            new_tables = write_dbt_files(self.workplace.home, registry)
            standing = store.standing()
            if standing.swap_has_begun:
                store.begin_sync(self.run_id)
            else:
                planned = self._plan(store, registry, standing, settings, context)
        if planned is None:
            self._swap(["--no-partial-parse", "--target-path", str(self.workplace.home.target_dir / "rebuild")])
            with open_store(self.workplace) as store:
                planned = self._plan(store, registry, store.standing(), settings, context)
        plan, manifest = planned
        if not plan.behind:
            context.log.info("Every table is up to date; dbt is not started.")
            self._finish(conclude(landing=self._landing), context)
            return
        self._loading_since = time.monotonic()
        self._dbt = DbtRun(self.workplace, manifest, translator)
        if self._rebuild:
            outcome = yield from self._replay(self._dbt, plan, context)
        else:
            self._reporter.phase("Building tables")
            selection = _chosen(context, manifest, translator) or plan.selection()
            yield from self._dbt.events(
                ["run", "--select", selection],
                context,
                self._run_target(),
                self._reporter.table,
                environment=self._lease,
            )
            outcome = self._judge()
        yield from self._check(context, manifest, translator)
        self._finish(outcome, context)
        if new_tables:
            # They are in Dagster's catalogue already, but not in its graph.
            with contextlib.suppress(Exception):
                reload_definitions(self.workplace.home)
        if outcome.status is not Status.SUCCESS:
            raise dg.Failure(
                history.summary(outcome),
                metadata={
                    table.table: dg.MetadataValue.md(table.error.message)
                    for table in outcome.failed_tables
                    if table.error
                },
                allow_retries=False,
            )

    def _plan(
        self,
        store: Store,
        registry: Registry,
        standing: Standing,
        settings: Settings,
        context: dg.AssetExecutionContext,
    ) -> tuple[Plan, dict[str, Any]]:
        """Plan the tables to build, with dbt's manifest of them, and give the sync its mark where there are any."""
        # Parses only when a file of the project changed, so after a new event table or property.
        manifest = load_manifest(self.workplace)
        if self._rebuild:
            require_every_call(
                store.warehouse,
                hint="Sync without a rebuild; `retention: {raw_events_days: null}` keeps calls from now on.",
            )
            plan = rebuild_plan()
        else:
            if lost := store.forget_lost_tables(standing.tables):
                context.log.warning(f"Dropped by somebody, and made anew from the landed calls: {', '.join(lost)}.")
            plan = make_plan(standing.progress(registry.newest, lost), manifest, settings.selective_sync)
        if plan.behind:
            self._mark = store.begin_sync(self.run_id)
        return plan, manifest

    def _check(
        self, context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: DagsterDbtTranslator
    ) -> Iterator[dg.AssetCheckResult]:
        """Hold the rows of this sync against the ledgers. Whatever comes of it, the sync is what its tables are."""
        assert self._dbt is not None
        assert self._mark is not None
        self._reporter.phase("Checking")
        built = built_tables(self._dbt.results[0], self._dbt.slices, manifest)
        try:
            with open_store(self.workplace) as store:
                results = check_tables(store.warehouse, built, self.run_id, self._mark)
        except ProfilesSyncError as error:
            context.log.warning(f"The rows of this sync were not checked: {redact(error.message)}")
            return
        keys = {
            node["alias"]: translator.get_asset_key(node)
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model"
        }
        planned = context.selected_asset_check_keys
        for result in results:
            found: dict[str, dg.MetadataValue[Any]] = {
                "expected": dg.MetadataValue.int(result.expected),
                "found": dg.MetadataValue.int(result.found),
            }
            key = dg.AssetCheckKey(keys[result.table], result.name)
            warn = dg.AssetCheckSeverity.WARN
            if key in planned:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=result.passed,
                    severity=warn,
                    metadata=found,
                )
            else:
                # A track event's table, which Dagster may not know yet.
                _report_check(context, key, result.passed, warn, found)
        for table in self._dbt.results[0]:
            key = dg.AssetCheckKey(keys[table.table], ROWS)
            if table.status is Status.FAILED and table.group == "event" and table.error and key not in planned:
                # Dagster shows as failed what was planned and not made; this was not planned.
                told = {"error": dg.MetadataValue.md(table.error.message)}
                _report_check(context, key, False, dg.AssetCheckSeverity.ERROR, told)

    @property
    def _lease(self) -> dict[str, str]:
        """What lets every commit of dbt make sure that this is still the space's sync."""
        return {"PROFILES_SYNC_RUN_ID": self.run_id}

    def _judge(self) -> Outcome:
        assert self._dbt is not None
        tables, identity, error = self._dbt.results
        return conclude(tables, landing=self._landing, identity=identity, error=error)

    def _replay(
        self, dbt: DbtRun, plan: Plan, context: dg.AssetExecutionContext
    ) -> Generator[dg.Output[None] | dg.AssetMaterialization, None, Outcome]:
        """Replay everything into shadow tables; they take the live ones' places only when all of them succeeded."""
        # The names of all tables hang on the variable, which a partly reused parse would not notice: parsed anew, and once for all three.
        target_path = self._run_target()
        parsed = ["--target-path", str(target_path), *self._variables]
        self._reporter.phase("Preparing the rebuild")
        run_dbt(self.workplace, ["run-operation", "prepare_rebuild", "--no-partial-parse", *parsed], environment=SHADOW)
        self._reporter.phase("Replaying into new tables")
        yield from dbt.events(
            ["run", "--select", plan.selection(), *self._variables],
            context,
            target_path,
            self._reporter.table,
            environment=SHADOW | self._lease,
        )
        outcome = self._judge()
        if outcome.status is Status.SUCCESS:
            self._swap(parsed)
            with open_store(self.workplace) as store:
                if has_unfinished(store.warehouse):
                    store.warehouse.reclaim()
                    finish(store.warehouse)
            return outcome
        # Nobody sees a row of it.
        unseen = [replace(table, inserted=0, updated=0, deleted=0) for table in outcome.tables]
        return conclude(unseen, landing=self._landing, error=outcome.error)

    def _swap(self, parsed: Sequence[str]) -> None:
        self._reporter.phase("Swapping the new tables in")
        run_dbt(self.workplace, ["run-operation", "finish_rebuild", *parsed], environment=SHADOW | self._lease)
        # A view that some engines dropped with the tables it read.
        run_dbt(self.workplace, ["run", "--select", "identity_health"], environment=self._lease)

    def close(self) -> None:
        """Free the lock; a sync that ended unrecorded is recorded as failed."""
        if self._locked and self._outcome is None:
            self._finish(self._cut_short(diagnose_exception(KeyboardInterrupt())), None)
        self._lock.release()

    def _cut_short(self, error: SyncError) -> Outcome:
        """Judge a sync that an error ended: what dbt had committed until then counts."""
        if self._dbt is None or self._rebuild:
            return conclude(landing=self._landing, error=error)
        tables, identity, _ = self._dbt.results
        return conclude(tables, landing=self._landing, identity=identity, error=error)

    def _run_target(self) -> Path:
        runs = self.workplace.home.runs_dir
        runs.mkdir(parents=True, exist_ok=True)
        kept = sorted(runs.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[
            self.workplace.deployment.retention.dbt_runs - 1 :
        ]
        for old in kept:
            shutil.rmtree(old, ignore_errors=True)
        # What a rebuild commits is seen by nobody before the swap: another name, or a killed one would be counted.
        return runs / f"{run_folder(self.run_id)}{'-rebuild' if self._rebuild else ''}"

    def _require_outcome(self) -> Outcome:
        assert self._outcome is not None
        return self._outcome

    def _finish(self, outcome: Outcome, context: dg.AssetExecutionContext | None) -> None:
        """Record the sync in Dagster, and in the warehouse when it can be reached."""
        # Not by the clock of the day, which may be set back meanwhile.
        finished_at = self._started_at + timedelta(seconds=time.monotonic() - self._started)
        loading_s = time.monotonic() - self._loading_since if self._loading_since is not None else 0.0
        total_s = (finished_at - self._started_at).total_seconds()
        self._outcome = replace(outcome, preparation_s=round(total_s - loading_s, 3), loading_s=round(loading_s, 3))
        record = history.SyncRecord(
            self.run_id,
            outcome.status,
            self._started_at,
            finished_at,
            history.trigger_of(self._run.tags),
            self._outcome,
        )
        event = history.materialization(record)
        if context is not None:
            context.log_event(event)
        else:
            self._instance.report_runless_asset_event(event)
        self._recorded = True
        history.tag_run(self._instance, record)
        self._alert(record, context)
        if self._locked and not (outcome.error and outcome.error.code == "E_NETWORK" and not outcome.tables):
            # A failure here is made up for by the next sync that can, as is a warehouse that was just seen to be away.
            with contextlib.suppress(Exception):
                self._copy_history()

    def _alert(self, record: history.SyncRecord, context: dg.AssetExecutionContext | None) -> None:
        home = self.workplace.home
        try:
            problems = alerts.after_sync(home, self._instance, record, history.finished(self._instance))
            if record.status is not Status.SUCCESS:
                problems += alerts.check_overdue(home, self._instance, history.finished(self._instance))
        except Exception as error:
            # The sync has ended, and what its text says may be a credential.
            problems = [f"no alert could be sent: {type(error).__name__}"]
        for problem in problems:
            if context is not None:
                context.log.warning(problem)

    def _copy_history(self) -> None:
        space_id = load_settings(self.workplace.home, project_dir(), self.workplace.target.schema).space_id
        next_sync_at = history.next_full_hour(history.now()) if self.workplace.deployment.sources else None
        records = history.finished(self._instance)
        with open_store(self.workplace) as store:
            while page := list(itertools.islice(records, _PAGE)):
                missing = store.missing([record.run_id for record in page])
                for record in page:
                    if record.run_id in missing:
                        store.add(record, space_id=space_id, next_sync_at=next_sync_at)
                if not missing:
                    # Whatever is older was copied then.
                    return


def _report_check(
    context: dg.AssetExecutionContext,
    key: dg.AssetCheckKey,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    metadata: Mapping[str, dg.MetadataValue[Any]],
) -> None:
    """Tell Dagster of a check that is no part of the run's plan."""
    context.log_event(
        dg.AssetCheckEvaluation(
            asset_key=key.asset_key, check_name=key.name, passed=passed, severity=severity, metadata=metadata
        )
    )


def _chosen(context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: DagsterDbtTranslator) -> str:
    """Return the models that somebody picked by hand in Dagster, as one argument; blank for a whole sync."""
    models = {
        translator.get_asset_key(node): node for node in manifest["nodes"].values() if node["resource_type"] == "model"
    }
    chosen = models.keys() & context.selected_asset_keys
    # A table that was switched on since Dagster loaded cannot have been picked.
    known = context.assets_def.keys
    if all(key in chosen for key, node in models.items() if not node["name"].startswith(PREFIX) and key in known):
        return ""
    return " ".join(sorted(models[key]["name"] for key in chosen))


def land_files(
    workplace: Workplace,
    sources: Sequence[SourceConfig],
    reporter: Reporter,
    *,
    rebuilding: bool = False,
    recent_days: int | None = None,
    erase: Callable[[], None] | None = None,
) -> LoadReport:
    """Land what is new. The caller holds the home's lock.

    Args:
        workplace: Home and warehouse.
        sources: Where to look; empty: what the home's file names.
        reporter: Follows it.
        rebuilding: A rebuild follows.
        recent_days: How many days back to look in an archive; None: at all of it.
        erase: Called first where an erasure was begun and not ended.

    Raises:
        ProfilesSyncError: A setting is wrong, the warehouse refuses, or a source cannot be read.
    """
    settings = load_settings(workplace.home, project_dir(), workplace.target.schema)
    reporter.phase("Connecting")
    bind(workplace)
    reporter.phase("Looking for new files")
    return land(
        workplace,
        [Source(source.path, source.source_id, source.name, source.slug) for source in _located(workplace, sources)],
        replace(landing_options(settings), recent_days=recent_days),
        settings=settings.canonical_text(),
        progress=reporter.landing,
        rebuilding=rebuilding,
        erase=erase,
    )


def _digest(paths: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(map(public_path, paths))).encode()).hexdigest()[:16]


def landing_options(settings: Settings) -> LandingOptions:
    """Return what landing follows of the settings."""
    return LandingOptions(
        strict_unify_limits=settings.strict_unify_limits,
        max_event_tables=settings.max_event_tables,
        max_columns_per_table=settings.max_columns_per_table,
        portable_names=settings.portable_names,
        bigquery_compat_views=settings.bigquery_compat_views,
        column_types=settings.column_types,
        backfill_months=settings.backfill_months,
        source_names={name: SourceName(each.name, each.slug) for name, each in settings.source_names.items()},
    )


def _located(workplace: Workplace, given: Sequence[SourceConfig]) -> Sequence[SourceConfig]:
    """Return what to read with absolute paths: one given here is relative to this folder, one in the home's file to it.

    One place must have one name, since the ledger knows files by their paths.
    """
    base = Path.cwd() if given else workplace.home.root
    return [
        source
        if "://" in source.path
        else source.model_copy(update={"path": os.path.normpath(base / Path(source.path).expanduser())})
        for source in given or workplace.deployment.sources
    ]
