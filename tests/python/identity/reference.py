"""Identity resolution one event after another: what the SQL must equal, row by row.

It shares no code with the project, only the shape of the settings (docs/contracts.md) and of a landed event.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

DAY = 24 * 60 * 60 * 1000
WINDOW_MS = {"daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY, "annually": 365 * DAY, "ever": None}
MAX_VALUE_LENGTH = 512
MAX_IDENTIFIERS = 4095

Identifier = tuple[str, str]


@dataclass(frozen=True)
class RawEvent:
    """A landed call. Times are UTC without zone."""

    event_no: int
    payload: Mapping[str, Any]
    message_id: str
    type: str
    received_at: datetime
    timestamp: datetime
    loaded_at: datetime
    user_id: str | None = None
    anonymous_id: str | None = None


@dataclass(frozen=True)
class Removal:
    """The action `remove`: an identifier that shall no longer belong to anybody."""

    event_no: int
    identifier: Identifier
    requested_at: datetime


@dataclass(frozen=True)
class GraphRow:
    event_no: int
    row_no: int
    clock_ms: int
    profile_no: int
    canonical_no: int


@dataclass(frozen=True)
class MappingRow:
    event_no: int
    row_no: int
    clock_ms: int
    external_id_type: str
    external_id_value: str
    profile_no: int
    stamp_no: int
    operation: str = "CREATED"


@dataclass(frozen=True)
class EventRow:
    event_no: int
    outcome: str
    clock_ms: int | None
    stamp_no: int | None
    profile_no: int | None


@dataclass(frozen=True)
class Violation:
    event_no: int
    violation: str
    external_id_type: str | None
    external_id_value: str | None
    limit_value: int | None
    limit_window: str | None
    resolved_no: int | None


@dataclass(frozen=True)
class TraitSnapshot:
    """All traits of a profile after an event, as text by column name."""

    event_no: int
    profile_no: int
    traits: Mapping[str, str]


@dataclass(frozen=True)
class _Write:
    path: tuple[str, ...]
    column: str
    value: str | None
    effective_ts: datetime
    event_no: int


@dataclass
class Reference:
    """The state of a space, and everything written so far."""

    space_id: str
    segment_ids: dict[int, str] = field(default_factory=dict)
    canonical: dict[int, int] = field(default_factory=dict)
    # Of each canonical profile: the profiles merged into it and itself, and its identifiers.
    family: dict[int, list[int]] = field(default_factory=dict)
    held: dict[int, list[Identifier]] = field(default_factory=dict)
    owner: dict[Identifier, int] = field(default_factory=dict)
    added: dict[Identifier, int] = field(default_factory=dict)
    writes: dict[int, list[_Write]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    clock_ms: int | None = None

    graph_log: list[GraphRow] = field(default_factory=list)
    mapping_log: list[MappingRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    snapshots: list[TraitSnapshot] = field(default_factory=list)
    ignored_external_ids: int = 0

    def process(self, event: RawEvent, settings: Mapping[str, Any], filtered: bool = False) -> None:
        """Resolve the next event in order."""
        if filtered:
            self.events.append(EventRow(event.event_no, "filtered", self.clock_ms, None, None))
            return
        if event.message_id in self.seen:
            self.events.append(EventRow(event.event_no, "duplicate", self.clock_ms, None, None))
            return
        self.seen.add(event.message_id)
        arrival = epoch_ms(min(event.received_at, event.loaded_at))
        self.clock_ms = arrival if self.clock_ms is None else max(self.clock_ms, arrival)
        clock = self.clock_ms
        rules = {rule["external_id_type"]: rule for rule in settings["identity_rules"]}

        found, ignored = extract(event, settings)
        self.ignored_external_ids += ignored
        refused: list[tuple[str, Identifier | None, int | None, str | None]] = []
        candidates: list[Identifier] = []
        for identifier in found:
            if len(identifier[1]) > MAX_VALUE_LENGTH:
                refused.append(("identifier_too_long", identifier, None, None))
            elif is_blocked(identifier, settings["blocked_values"]):
                refused.append(("id_value_blocked", identifier, None, None))
            else:
                candidates.append(identifier)
        candidates.sort(key=lambda identifier: priority(identifier[0], rules))
        refused += [("too_many_identifiers", each, MAX_IDENTIFIERS, None) for each in candidates[MAX_IDENTIFIERS:]]
        candidates = candidates[:MAX_IDENTIFIERS]

        if not candidates:
            refused.append(("no_matching_identifiers", None, None, None))
            self._violate(event.event_no, refused, None)
            self.events.append(EventRow(event.event_no, "processed", clock, None, None))
            return

        while True:
            matched = sorted({self.owner[each] for each in candidates if each in self.owner})
            why = self._breach(matched, candidates, settings, rules, clock)
            if why is None or len(candidates) == 1:
                break
            refused.append((why[0], candidates.pop(), why[1], why[2]))

        moved_traits = False
        if not matched:
            survivor = stamp = event.event_no
            self.segment_ids[survivor] = segment_id(self.space_id, event.message_id)
            self.canonical[survivor] = survivor
            self.family[survivor], self.held[survivor], self.writes[survivor] = [survivor], [], []
            self.graph_log.append(GraphRow(event.event_no, 1, clock, survivor, survivor))
        else:
            survivor, stamp = matched[0], matched[-1]
            row_no = 0
            for loser in matched[1:]:
                for profile in sorted(self.family[loser], key=lambda each: (each != loser, each)):
                    self.canonical[profile] = survivor
                    row_no += 1
                    self.graph_log.append(GraphRow(event.event_no, row_no, clock, profile, survivor))
                for identifier in self.held[loser]:
                    self.owner[identifier] = survivor
                self.family[survivor] += self.family.pop(loser)
                self.held[survivor] += self.held.pop(loser)
                moved_traits = moved_traits or bool(self.writes[loser])
                self.writes[survivor] += self.writes[loser]
                self.writes[loser] = []

        row_no = 0
        for identifier in candidates:
            if identifier in self.owner:
                continue
            if len(self.held[survivor]) >= settings["mapping_cap"]:
                refused.append(("identifier_mapping_limit_exceeded", identifier, settings["mapping_cap"], None))
                continue
            self.owner[identifier] = survivor
            self.held[survivor].append(identifier)
            self.added[identifier] = clock
            row_no += 1
            self.mapping_log.append(MappingRow(event.event_no, row_no, clock, *identifier, survivor, stamp))

        written = trait_writes(event) if event.type == "identify" else []
        self.writes[survivor] += written
        if written or moved_traits:
            self.snapshots.append(TraitSnapshot(event.event_no, survivor, self.traits(survivor)))
        self._violate(event.event_no, refused, stamp)
        self.events.append(EventRow(event.event_no, "processed", clock, stamp, survivor))

    def remove(self, removal: Removal) -> None:
        """Take an identifier from its owner; a later event may bring it again."""
        identifier = removal.identifier
        if identifier not in self.owner:
            return
        owner = self.owner.pop(identifier)
        self.held[owner].remove(identifier)
        del self.added[identifier]
        assert self.clock_ms is not None
        self.mapping_log.append(MappingRow(removal.event_no, 1, self.clock_ms, *identifier, owner, owner, "REMOVED"))

    def traits(self, profile: int) -> dict[str, str]:
        """Traits of a canonical profile as text: the newest write wins, and a null hides what stands under it."""
        cells: dict[str, str] = {}
        writes = self.writes[profile]
        for column in sorted({write.column for write in writes}):
            paths = {write.path for write in writes if write.column == column}
            touching = [
                write
                for write in writes
                if write.column == column
                or (write.value is None and any(path[: len(write.path)] == write.path for path in paths))
            ]
            newest = max((write.effective_ts, write.event_no) for write in touching)
            rivals = [write for write in touching if (write.effective_ts, write.event_no) == newest]
            best = min(rivals, key=lambda write: (write.path != (column,), json_text(list(write.path)).encode()))
            if best.value is not None:
                cells[column] = best.value
        return cells

    def _breach(
        self,
        matched: Sequence[int],
        candidates: Sequence[Identifier],
        settings: Mapping[str, Any],
        rules: Mapping[str, Mapping[str, Any]],
        clock: int,
    ) -> tuple[str, int, str | None] | None:
        """Return what stands against matching these profiles by these identifiers: violation, limit, window."""
        held = {profile: self.held[profile] for profile in matched}
        fresh = [each for each in candidates if each not in self.owner]
        if len(matched) > 1:
            if sum(len(self.family[profile]) for profile in matched) - 1 > settings["merge_cap"]:
                return "profile_merge_limit_exceeded", settings["merge_cap"], None
            if sum(len(each) for each in held.values()) + len(fresh) > settings["mapping_cap"]:
                return "identifier_mapping_limit_exceeded", settings["mapping_cap"], None
        types = {each[0] for each in candidates} | {each[0] for values in held.values() for each in values}
        for kind in sorted(types, key=lambda each: priority(each, rules)):
            limit, window = limit_of(kind, rules, settings)
            if limit is None:
                continue
            length = WINDOW_MS[window]
            have = [
                sum(1 for each in values if each[0] == kind and (length is None or self.added[each] > clock - length))
                for values in held.values()
            ]
            total = sum(have) + sum(1 for each in fresh if each[0] == kind)
            if total > limit and total > max(have, default=0):
                timed = "time_" if window != "ever" else ""
                return f"identifier_value_{timed}limit_exceeded", limit, window
        return None

    def _violate(
        self,
        event_no: int,
        refused: Sequence[tuple[str, Identifier | None, int | None, str | None]],
        resolved: int | None,
    ) -> None:
        for violation, identifier, limit, window in refused:
            kind, value = identifier or (None, None)
            self.violations.append(Violation(event_no, violation, kind, value, limit, window, resolved))


def epoch_ms(moment: datetime) -> int:
    delta = moment.replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def segment_id(space_id: str, message_id: str) -> str:
    return "use_" + hashlib.sha256(f"{space_id}:{message_id}".encode()).hexdigest()[:27]


def external_id_hash(kind: str, value: str) -> str:
    return hashlib.sha1(f"{kind}{value}".encode()).hexdigest()


def seq(clock_ms: int, event_no: int, row_no: int) -> str:
    return f"{clock_ms:013d}{event_no:012d}{row_no:06d}"


def row_id(table: str, key: str) -> str:
    return hashlib.sha256(f"{table}|{key}".encode()).hexdigest()[:32]


def priority(kind: str, rules: Mapping[str, Mapping[str, Any]]) -> tuple[int, int, bytes]:
    """Sort key of a type: the explicit ones by their number, then the others by name."""
    explicit = rules[kind]["priority"] if kind in rules else None
    return (1, 0, kind.encode()) if explicit is None else (0, explicit, kind.encode())


def limit_of(kind: str, rules: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> tuple[int | None, str]:
    if kind in rules:
        return rules[kind]["value_limit"], rules[kind]["limit_window"]
    return settings["default_limit"], settings["default_window"]


def is_blocked(identifier: Identifier, blocked: Sequence[Mapping[str, Any]]) -> bool:
    kind, value = identifier
    for row in blocked:
        if row["external_id_type"] not in ("", kind):
            continue
        if row["kind"] == "zeroes_and_dashes":
            hit = not value.strip("0-")
        elif row["kind"] == "pattern":
            hit = re.fullmatch(row["value"], value) is not None
        else:
            hit = value == row["value"]
        if hit:
            return True
    return False


# Extraction


def obj(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str | None:
    """Identifier value of a JSON value; None when it is no identifier."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value != "" else None


def camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def extract(event: RawEvent, settings: Mapping[str, Any]) -> tuple[list[Identifier], int]:
    """Return the distinct identifiers in order of position, and how many entries of `externalIds` were ignored."""
    rules = {rule["external_id_type"]: rule for rule in settings["identity_rules"]}
    if event.type == "alias":
        for kind, value in (("user_id", event.user_id), ("anonymous_id", event.anonymous_id)):
            if (normal := _normal(kind, value, rules)) is not None:
                return [(kind, normal)], 0
        return [], 0

    found: dict[Identifier, None] = {}
    for kind, value in _locations(event, settings, rules):
        if (normal := _normal(kind, value, rules)) is not None:
            found.setdefault((kind, normal))

    ignored = 0
    external = obj(event.payload.get("context")).get("externalIds")
    for entry in external if isinstance(external, list) else []:
        kind = _entry_type(entry)
        value = text_of(obj(entry).get("id"))
        known = kind in rules or settings["auto_register_external_ids"]
        if kind is None or value is None or kind == "group_id" or not known:
            ignored += 1
        elif (normal := _normal(kind, value, rules)) is not None:
            found.setdefault((kind, normal))
    return list(found), ignored


def _entry_type(entry: Any) -> str | None:
    entry = obj(entry)
    kind = entry.get("type")
    if not isinstance(kind, str) or not kind or re.search("[A-Z]", kind):
        return None
    return kind if entry.get("collection") == "users" and entry.get("encoding") == "none" else None


def _normal(kind: str, value: str | None, rules: Mapping[str, Mapping[str, Any]]) -> str | None:
    rule = rules.get(kind)
    if value is None or (rule is not None and not rule["enabled"]):
        return None
    steps = rule["normalize"].split("|") if rule is not None else []
    if "trim" in steps:
        value = value.strip(" ")
    if "lower" in steps:
        value = re.sub("[A-Z]", lambda match: match.group().lower(), value)
    return value or None


def _locations(
    event: RawEvent, settings: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str | None]]:
    payload = event.payload
    context = obj(payload.get("context"))
    traits, properties = obj(payload.get("traits")), obj(payload.get("properties"))
    context_traits, device = obj(context.get("traits")), obj(context.get("device"))

    if "user_id" in rules:
        yield "user_id", event.user_id
    if "anonymous_id" in rules:
        yield "anonymous_id", event.anonymous_id
    if "email" in rules:
        if event.type != "group":
            yield "email", text_of(traits.get("email"))
        if settings["email_from_properties"] and event.type in ("track", "page", "screen"):
            yield "email", text_of(properties.get("email"))
        yield "email", text_of(context_traits.get("email"))
    if "cross_domain_id" in rules and not rules["cross_domain_id"]["custom"]:
        yield "cross_domain_id", text_of(context_traits.get("crossDomainId"))

    platform = device.get("type")
    if isinstance(platform, str) and platform.lower() in ("android", "ios"):
        platform = platform.lower()
        tracked = device.get("adTrackingEnabled") is True
        for name, key in (("id", "id"), ("idfa", "advertisingId"), ("push_token", "token")):
            if f"{platform}.{name}" in rules and (name != "idfa" or tracked):
                yield f"{platform}.{name}", text_of(device.get(key))

    if "ga_client_id" in rules:
        analytics = obj(obj(context.get("integrations")).get("Google Analytics"))
        yield "ga_client_id", text_of(analytics.get("clientId"))
    if "braze_id" in rules and not rules["braze_id"]["custom"]:
        yield "braze_id", text_of(obj(context.get("Braze")).get("braze_id"))

    for kind, rule in rules.items():
        if not rule["custom"] or kind == "group_id":
            continue
        call = properties if event.type in ("track", "page", "screen") else traits
        if event.type == "group" and not rule["from_group_traits"]:
            call = {}
        for container in (call, context_traits):
            for key in dict.fromkeys((kind, camel_case(kind))):
                yield kind, text_of(container.get(key))


# Traits


def snake_case(text: str) -> str:
    return "_".join(re.findall(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+", text)).lower()


def json_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def trait_writes(event: RawEvent) -> list[_Write]:
    """The traits that an identify carries, flattened; a null is a deletion."""
    traits = event.payload.get("traits")
    if not isinstance(traits, dict):
        traits = obj(obj(event.payload.get("context")).get("traits"))
    effective = min(event.timestamp, event.received_at)
    return [
        _Write(path, "_".join(filter(None, map(snake_case, path))), value, effective, event.event_no)
        for path, value in _flatten(traits, ())
    ]


def _flatten(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str | None]]:
    if isinstance(value, dict) and len(path) < 10:
        for key, inner in value.items():
            yield from _flatten(inner, (*path, key))
    elif path:
        yield path, None if value is None else value if isinstance(value, str) else json_text(value)
