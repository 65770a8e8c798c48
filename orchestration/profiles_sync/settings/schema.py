"""The schema of the settings. Defaults stand in `dbt_project.yml`, so the scalar fields here have none."""

from __future__ import annotations

import re
import shlex
from enum import Enum
from typing import Annotated, Any, Literal

import duckdb
import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from profiles_sync.naming import CHANGES_OF, GRAPH_TABLES, INTERNAL_TABLES, TRAIT_UPDATES, is_fixed_column, snake_case

Window = Literal["daily", "weekly", "monthly", "annually", "ever"]
ColumnType = Literal["timestamp", "integer", "float", "boolean", "varchar"]

# `seq` gives a row's place within its event six digits, and a merge of the whole family writes one row per profile.
MERGE_CAP_MAXIMUM = 999_998
EVENT_FILTERS_MAXIMUM = 10

_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_TYPE_NAME = re.compile(r"[a-z][a-z0-9_.\-]*")
_NAME = re.compile(r"[a-z0-9_]+")
_NORMALIZERS = ("trim", "lower")


def _not_boolean(value: object) -> object:
    # `yes` in YAML is a boolean, and a boolean is an integer to Python.
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


Count = Annotated[int, BeforeValidator(_not_boolean)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IdentityRule(_Strict):
    """How one identifier type is matched."""

    external_id_type: str
    value_limit: Annotated[Count, Field(ge=1)] | None
    limit_window: Window
    priority: Annotated[Count, Field(ge=1)] | None
    custom: bool
    from_group_traits: bool
    normalize: str
    enabled: bool

    @field_validator("external_id_type")
    @classmethod
    def _type_is_lower_case(cls, value: str) -> str:
        if not _TYPE_NAME.fullmatch(value):
            raise ValueError(
                "an identifier type is a lower-case letter, then lower-case letters, digits, `_`, `.` and `-`"
            )
        return value

    @field_validator("normalize")
    @classmethod
    def _known_normalizers(cls, value: str) -> str:
        steps = [step.strip() for step in value.split("|")] if value.strip() else []
        unknown = [step for step in steps if step not in _NORMALIZERS]
        if unknown:
            raise ValueError(f"unknown normalization `{unknown[0]}`; use {' or '.join(_NORMALIZERS)}, joined by `|`")
        return "|".join(step for step in _NORMALIZERS if step in steps)


class BlockedValue(_Strict):
    """A value that is never promoted to an identifier; a blank type stands for every type."""

    external_id_type: str
    kind: Literal["exact", "pattern", "zeroes_and_dashes"]
    value: str

    @model_validator(mode="after")
    def _value_fits_kind(self) -> BlockedValue:
        if self.external_id_type and not _TYPE_NAME.fullmatch(self.external_id_type):
            raise ValueError(f"`{self.external_id_type}` is no identifier type")
        if self.kind == "zeroes_and_dashes":
            if self.value:
                raise ValueError("`zeroes_and_dashes` takes no value")
        elif not self.value:
            raise ValueError("the value to block is missing")
        elif self.kind == "pattern":
            problem = _pattern_problem(self.value)
            if problem:
                raise ValueError(
                    f"the pattern is not understood: {problem}; patterns are RE2 and match the whole value"
                )
        return self


class SourceName(_Strict):
    """What the tables call a source beside its id."""

    name: str | None = None
    slug: str | None = None


class TableSelection(_Strict):
    """What of one table is synced.

    Attributes:
        enabled: Whether the table is; None: as the selection's default says.
        columns: Columns that are switched off or on.
    """

    enabled: bool | None = None
    columns: dict[str, bool] = {}


class SelectiveSync(_Strict):
    """Which tables and columns get new events; what is switched off keeps what it has.

    Attributes:
        default: For tables that are not named.
        tables: Table to on, off, or what of it is.
    """

    default: bool = True
    tables: dict[str, bool | TableSelection] = {}

    @model_validator(mode="after")
    def _columns_may_be_off(self) -> SelectiveSync:
        for table, entry in self.tables.items():
            if not _NAME.fullmatch(table):
                raise ValueError(f"`{table}` is no table's name; that of an event called so is `{snake_case(table)}`")
            if table in INTERNAL_TABLES:
                raise ValueError(f"`{table}` is no public table")
            for column in entry.columns if isinstance(entry, TableSelection) else ():
                if not _NAME.fullmatch(column):
                    name = snake_case(column)
                    raise ValueError(f"`{column}` is no column's name; that of a property called so is `{name}`")
                if table in GRAPH_TABLES - {TRAIT_UPDATES}:
                    raise ValueError(f"columns of `{table}` cannot be switched off; the table can")
                if is_fixed_column(table, column):
                    raise ValueError(f"`{table}.{column}` is part of every row and cannot be switched off")
        return self

    def is_on(self, table: str) -> bool:
        """Whether a table is synced; one of the present state is only with the table of changes that it stands for."""
        entry = self.tables.get(table, self.default)
        own = entry if isinstance(entry, bool) else entry.enabled
        changes = CHANGES_OF.get(table)
        return (self.default if own is None else own) and (changes is None or self.is_on(changes))

    def stopped_partners(self) -> dict[str, str]:
        """Return the tables that are off only because their table of changes is, by its name."""
        alone = SelectiveSync(default=self.default, tables={**self.tables, **dict.fromkeys(CHANGES_OF.values(), True)})
        return {table: changes for table, changes in CHANGES_OF.items() if alone.is_on(table) and not self.is_on(table)}


class Settings(_Strict):
    """Everything that decides what a sync makes of the same events. Kept in `settings_history`."""

    space_id: str
    merge_cap: Annotated[Count, Field(ge=1, le=MERGE_CAP_MAXIMUM)]
    mapping_cap: Annotated[Count, Field(ge=1)]
    default_limit: Annotated[Count, Field(ge=1)]
    default_window: Window
    use_recommended_blocks: bool
    auto_register_external_ids: bool
    email_from_properties: bool
    strict_unify_limits: bool
    honor_warehouse_opt_out: bool
    event_filters: Annotated[list[str], Field(max_length=EVENT_FILTERS_MAXIMUM)]
    selective_sync: SelectiveSync
    backfill_months: int | Literal["all"]
    traits_updates_only_on_change: bool
    max_event_tables: Annotated[Count, Field(ge=0)]
    max_columns_per_table: Annotated[Count, Field(ge=0)]
    portable_names: bool
    enable_users_accounts: bool
    bigquery_compat_views: bool
    view_days: Annotated[Count, Field(ge=1)]
    column_types: dict[str, ColumnType]
    source_names: dict[str, SourceName]
    identity_round_limit: Annotated[Count, Field(ge=1)]
    identity_rules: list[IdentityRule]
    blocked_values: list[BlockedValue]

    @field_validator("backfill_months", mode="before")
    @classmethod
    def _months_or_all(cls, value: object) -> object:
        if value == "all" or (type(value) is int and value >= 1):
            return value
        raise ValueError("give a number of months from 1, or `all`")

    @field_validator("event_filters")
    @classmethod
    def _filters_are_not_blank(cls, value: list[str]) -> list[str]:
        if any(not expression.strip() for expression in value):
            raise ValueError("a filter is blank; give a SQL condition on the columns of raw_events")
        return value

    @field_validator("column_types")
    @classmethod
    def _column_is_qualified(cls, value: dict[str, ColumnType]) -> dict[str, ColumnType]:
        for column in value:
            if column.count(".") != 1 or not all(column.split(".")):
                raise ValueError(f"`{column}` does not name a column; write <table>.<column>")
        return value

    def canonical_text(self) -> str:
        """Return the settings as JSON with sorted keys, equal for equal settings."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()


class SourceConfig(_Strict):
    """Where calls are read from.

    Attributes:
        path: A folder or file: a local path or a URL that fsspec knows. In the home's file, relative to that file.
        source_id: Source of calls whose path names none.
        name: Its name in the tables.
        slug: Its slug in the tables.
    """

    path: str
    source_id: str | None = None
    name: str | None = None
    slug: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("path")
    @classmethod
    def _path_is_given(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the path is blank")
        return value


class Retention(_Strict):
    """What `prune` keeps, in days and numbers.

    Attributes:
        raw_events_days: Days that landed calls are kept; None: for ever. A rebuild needs them.
        ops_days: Days that the history of syncs, notices, rejects and violations are kept in the warehouse.
        dagster_days: Days that Dagster keeps its runs.
        dbt_runs: Runs whose dbt artifacts are kept.
    """

    raw_events_days: Annotated[Count, Field(ge=1)] | None = None
    ops_days: Annotated[Count, Field(ge=1)] = 400
    dagster_days: Annotated[Count, Field(ge=1)] = 90
    dbt_runs: Annotated[Count, Field(ge=1)] = 10


class Event(str, Enum):
    """What an alert can be about, in Segment's words where it has them."""

    CREATED = "Warehouse Created"
    MODIFIED = "Warehouse Modified"
    DISABLED = "Warehouse Disabled"
    DELETED = "Warehouse Deleted"
    BACKFILLED = "Historical Backfill Completed"
    FAILED = "Warehouse Sync Failed"
    PARTIAL = "Sync Partially Succeeded"
    SKIPPED = "Sync Skipped"
    OVERDUE = "Sync Overdue"


class Alerts(_Strict):
    """Who is told what.

    Attributes:
        webhook: Address that gets each event as JSON by POST; `${NAME}` in it is an environment variable.
        command: Program and arguments that get each event as JSON on standard input; a text is split as a shell does.
        events: Which; all of them unless given.
        failures: At how many failures in a row `Warehouse Sync Failed` is sent.
        overdue_hours: After how many hours without a successful sync `Sync Overdue` is sent; None: never.
    """

    webhook: str | None = None
    command: list[str] | None = None
    events: list[Event] = list(Event)
    failures: list[Annotated[Count, Field(ge=1)]] = [5, 20]
    overdue_hours: Annotated[Count, Field(ge=1)] | None = 24

    @field_validator("webhook")
    @classmethod
    def _webhook_is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://", "${")):
            raise ValueError("a webhook begins with http:// or https://, or is an environment variable as ${NAME}")
        return value

    @field_validator("command", mode="before")
    @classmethod
    def _command_in_words(cls, value: Any) -> Any:
        return shlex.split(value) if isinstance(value, str) else value

    @field_validator("command")
    @classmethod
    def _command_is_given(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and not value:
            raise ValueError("the command is blank")
        return value


class Deployment(_Strict):
    """Where a home reads from and writes to.

    Attributes:
        target: dbt target; None: the one that the home is bound to, else the default of `profiles.yml`.
        space: Schema of the public tables; None: the one that the home is bound to, else the target's.
        sources: What every sync reads.
        enabled: Whether syncs run; `profiles-sync disable` and `enable` switch it.
        reader_roles: Roles of the warehouse that may read every public table, from the moment it is made.
        retention: What `prune` keeps.
        alerts: Who is told what; None: nobody.
    """

    target: str | None = None
    space: str | None = None
    sources: list[SourceConfig] = []
    enabled: bool = True
    alerts: Alerts | None = None
    reader_roles: list[str] = []
    retention: Retention = Retention()

    @field_validator("reader_roles")
    @classmethod
    def _roles_are_names(cls, value: list[str]) -> list[str]:
        for role in value:
            # A comma keeps them apart on their way to dbt.
            if not role.strip() or "," in role:
                raise ValueError(f"`{role}` is no name of a role")
        return value

    @field_validator("space")
    @classmethod
    def _space_is_a_schema_name(cls, value: str | None) -> str | None:
        if value is not None and not _SCHEMA_NAME.fullmatch(value):
            raise ValueError(
                "a space is a schema name: lower-case letters, digits and underscores, not beginning with a digit"
            )
        return value


def _pattern_problem(pattern: str) -> str:
    # DuckDB's engine is RE2, what the patterns are defined to be.
    with duckdb.connect() as connection:
        try:
            connection.execute("select regexp_full_match('', ?)", [pattern])
        except duckdb.Error as error:
            return str(error).removeprefix("Invalid Input Error: ").splitlines()[0]
    return ""
