"""A space filled with landed events directly, resolved by dbt, and read back in the shape of the reference."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from identity.reference import EventRow, GraphRow, MappingRow, RawEvent, Removal, Violation
from support.dbt import ROOT, Deployment

RAW_COLUMNS = [
    "event_no",
    "load_id",
    "landed_on",
    "source_id",
    "source_name",
    "source_slug",
    "message_id",
    "type",
    "event_name",
    "event_slug",
    "received_at",
    "sent_at",
    "original_timestamp",
    "timestamp",
    "user_id",
    "anonymous_id",
    "payload",
    "payload_sha256",
    "file_name",
    "file_row",
    "item_no",
    "loaded_at",
]


# How a batch is resolved: its size decides, or how many rounds it would take. The variables force each way on any batch.
WAYS = {
    "rounds": ("--vars", "{identity_forest_from: 1000000, identity_first_rounds: 2000}"),
    "forest": ("--vars", "{identity_forest_from: -1}"),
    "hand_over": ("--vars", "{identity_forest_from: 1000000, identity_first_rounds: 0}"),
}


def default_settings(**overrides: Any) -> dict[str, Any]:
    """The package's own settings object, as a sync of a new home records it."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    settings: dict[str, Any] = dict(project["vars"]["profiles_sync"])
    settings["space_id"] = "profiles"
    settings["identity_rules"] = [
        rule(**row) for row in csv.DictReader((ROOT / "seeds" / "identity_rules.csv").read_text().splitlines())
    ]
    settings["blocked_values"] = list(csv.DictReader((ROOT / "seeds" / "blocked_values.csv").read_text().splitlines()))
    return settings | overrides


def rule(external_id_type: str, **values: Any) -> dict[str, Any]:
    """A rule of the settings object; what is left out is a custom identifier's default."""

    def flag(name: str, default: bool) -> bool:
        value = values.get(name, default)
        return value == "true" if isinstance(value, str) else bool(value)

    limit, priority = values.get("value_limit", 5), values.get("priority")
    return {
        "external_id_type": external_id_type,
        "value_limit": None if limit in (None, "") else int(limit),
        "limit_window": values.get("limit_window", "ever"),
        "priority": None if priority in (None, "") else int(priority),
        "custom": flag("custom", True),
        "from_group_traits": flag("from_group_traits", True),
        "normalize": values.get("normalize", ""),
        "enabled": flag("enabled", True),
    }


def with_rules(settings: Mapping[str, Any], *rules: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with some rules put in place of those of the same type, or added."""
    merged = {each["external_id_type"]: each for each in settings["identity_rules"]}
    merged |= {each["external_id_type"]: dict(each) for each in rules}
    return {**settings, "identity_rules": list(merged.values())}


EVENT_TABLES = {
    "identify": "identifies", "track": "tracks", "page": "pages", "screen": "screens", "group": "groups", "alias": "aliases"
}  # fmt: skip
# Columns that say when a sync ran, and which.
MARKS = {"uuid_ts", "etl_ts", "sync_id", "noticed_at"}


@dataclass
class Resolved:
    """What identity resolution wrote, sorted; `segment_ids` by profile number."""

    events: list[EventRow] = field(default_factory=list)
    graph_log: list[GraphRow] = field(default_factory=list)
    mapping_log: list[MappingRow] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    segment_ids: dict[int, str] = field(default_factory=dict)
    canonical: dict[int, int] = field(default_factory=dict)


@dataclass
class Space:
    """A deployment whose events come from the test instead of from files."""

    deployment: Deployment

    @property
    def raw_events(self) -> str:
        return f"{self.deployment.space}_staging.raw_events"

    def prepare(self) -> None:
        self.deployment.dbt("run-operation", "prepare_space")

    def record_settings(self, from_event_no: int, settings: Mapping[str, Any]) -> None:
        history = f"{self.deployment.space}_ops.settings_history"
        version = self.deployment.query(f"select count(*) + 1 from {history}")[0][0]
        row = (version, from_event_no, json.dumps(settings, sort_keys=True), "profiles-sync", datetime(2024, 1, 1))
        with self.deployment.open() as warehouse:
            columns = ["version", "from_event_no", "settings", "origin", "recorded_at"]
            warehouse.insert(warehouse.ops("settings_history"), columns, [row])

    def insert(self, events: Sequence[RawEvent]) -> None:
        """Append landed events as one load, and say which event type tables they are for."""
        load_id = f"load-{events[0].event_no}" if events else ""
        numbers: dict[str, list[int]] = {}
        for event in events:
            numbers.setdefault(EVENT_TABLES[event.type], []).append(event.event_no)
        for name, values in numbers.items():
            self.deployment.query(
                f"insert into {self.deployment.space}_ops.landed_tables "
                f"values ('{load_id}', '{name}', {len(values)}, {min(values)}, {max(values)})"
            )
        table = io.StringIO()
        writer = csv.writer(table)
        for event in events:
            writer.writerow([_cell(_raw_value(event, column, load_id)) for column in RAW_COLUMNS])
        path = self.deployment.home / "events.csv"
        path.write_text(table.getvalue())
        rows = f"select * from read_csv('{path}', header = false, all_varchar = true, nullstr = '', escape = '\"')"
        with self.deployment.open() as warehouse:
            warehouse.insert_query(warehouse.staging("raw_events"), RAW_COLUMNS, rows, self.deployment.home)

    def remove(self, *removals: Removal) -> None:
        """Append actions that have their numbers already."""
        for each in removals:
            kind, value = (text.replace("'", "''") for text in each.identifier)
            self.deployment.query(
                f"insert into {self.deployment.space}_ops.identity_actions values ('action-{each.event_no}', 'remove', "
                f"'{kind}', '{value}', timestamp '{each.requested_at}', {each.event_no}, 'load')"
            )

    def resolve(self, *arguments: str) -> None:
        self.deployment.dbt("run", "--select", "stg_events", "identity_resolution", *arguments)

    def read(self, suffix: str = "") -> Resolved:
        """Everything that identity resolution has written."""
        staging, ops = f"{self.deployment.space}_staging", f"{self.deployment.space}_ops"

        def rows(columns: str, table: str, order: str = "event_no, row_no") -> list[tuple[Any, ...]]:
            return self.deployment.query(f"select {columns} from {staging}.{table}{suffix} order by {order}")

        violations = self.deployment.query(
            "select v.event_no, v.violation, v.external_id_type, v.external_id_value, v.limit_value, v.limit_window, "
            f"p.profile_no from {ops}.identity_violations{suffix} as v "
            f"left join {staging}.identity_profiles{suffix} as p on p.segment_id = v.resolved_segment_id"
        )
        events = rows("event_no, outcome, clock_ms, stamp_no, profile_no", "identity_events", "event_no")
        graph = rows("event_no, row_no, clock_ms, profile_no, canonical_no", "identity_graph_log")
        mappings = rows(
            "event_no, row_no, clock_ms, external_id_type, external_id_value, profile_no, stamp_no, operation",
            "identity_mapping_log",
        )
        return Resolved(
            events=[EventRow(*row) for row in events],
            graph_log=[GraphRow(*row) for row in graph],
            mapping_log=[MappingRow(*row) for row in mappings],
            violations=sorted_violations(Violation(*row) for row in violations),
            segment_ids={row[0]: row[1] for row in rows("profile_no, segment_id", "identity_profiles", "profile_no")},
            canonical={row[0]: row[1] for row in rows("profile_no, canonical_no", "identity_canonical", "profile_no")},
        )

    def contents(self) -> dict[str, list[str]]:
        """Rows of all public tables, sorted, without the columns that say when a sync ran."""
        return self.deployment.contents(self.deployment.space, without=MARKS)

    def state(self) -> dict[str, list[str]]:
        """Rows of all that identity resolution writes, in the same form."""
        resolved = self.deployment.contents(f"{self.deployment.space}_staging", _is_state, without=MARKS)
        told = ("identity_violations", "notices")
        return resolved | self.deployment.contents(f"{self.deployment.space}_ops", told.__contains__, without=MARKS)


def _is_state(table: str) -> bool:
    return (table.startswith("identity_") and table != "identity_rules") or table == "seen_messages"


def sorted_violations(violations: Iterable[Violation]) -> list[Violation]:
    return sorted(violations, key=repr)


def _raw_value(event: RawEvent, column: str, load_id: str) -> Any:
    match column:
        case "load_id":
            return load_id
        case "landed_on":
            return event.loaded_at.date()
        case "source_id" | "source_slug":
            return event.payload.get("_source", "source_1")
        case "payload":
            return json.dumps(event.payload)
        case "event_name":
            return event.payload.get("event") or event.payload.get("name")
        case "file_row":
            return event.event_no
        case "item_no":
            return 0
        case _:
            return getattr(event, column, None)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def home_of(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return home
