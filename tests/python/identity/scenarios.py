"""The worked examples of `scenarios.yml` as landed events and expected rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from identity.reference import RawEvent, Removal
from identity.space import default_settings, rule, with_rules

JANUARY = datetime(2024, 1, 1)
# Keys whose values identify somebody, and values that must stay what they are.
IDENTIFYING = {"userId", "anonymousId", "previousId", "messageId", "id", "email", "phone", "app_id", "appId"}
PLACEHOLDERS = {"null", "-1", "anonymous", "00000000-0000-0000-0000-000000000000"}


@dataclass(frozen=True)
class Scenario:
    name: str
    document: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name

    def settings(self, space_id: str = "profiles") -> dict[str, Any]:
        return _settings({"space_id": space_id, **self.document.get("settings", {})})

    def later_settings(self) -> dict[str, dict[str, Any]]:
        """Settings that replace the first ones from a message on."""
        return {message: _settings(values) for message, values in self.document.get("later_settings", {}).items()}

    def place(self, first_event_no: int = 1, prefix: str = "", shift: timedelta = timedelta()) -> Placed:
        """Number what arrives. Identifiers and message ids begin with `prefix`, so scenarios can share a space."""
        event_no = first_event_no
        placed = Placed(self, prefix)
        for calls in self.document["loads"]:
            load: list[RawEvent | Removal] = []
            for call in calls:
                if "remove" in call:
                    kind, value = call["remove"].split(" ", 1)
                    load.append(Removal(event_no, (kind, prefix + value), _moment(call["at"]) + shift))
                    placed.message_of[event_no] = call["messageId"]
                    event_no += 1
                    continue
                at, received = _moment(call["at"]) + shift, _moment(call.get("received", call["at"])) + shift
                payload = _prefixed(
                    {key: value for key, value in call.items() if key not in ("at", "received", "source")}, prefix
                )
                payload["_source"] = call.get("source", "source_1")
                load.append(
                    RawEvent(
                        event_no,
                        payload,
                        payload["messageId"],
                        call["type"],
                        received,
                        at,
                        received + timedelta(hours=1),
                        payload.get("userId"),
                        payload.get("anonymousId"),
                    )
                )
                placed.message_of[event_no] = call["messageId"]
                event_no += 1
            placed.loads.append(load)
        return placed


@dataclass
class Placed:
    """A scenario's loads as landed: events and removals with their numbers, and the messages' names by number."""

    scenario: Scenario
    prefix: str
    loads: list[list[RawEvent | Removal]] = field(default_factory=list)
    message_of: dict[int, str] = field(default_factory=dict)

    @property
    def events(self) -> list[RawEvent]:
        return [each for load in self.loads for each in load if isinstance(each, RawEvent)]

    @property
    def removals(self) -> list[Removal]:
        return [each for load in self.loads for each in load if isinstance(each, Removal)]

    def settings(self) -> list[tuple[int, dict[str, Any]]]:
        """The settings by the number they hold from."""
        number_of = {name: event_no for event_no, name in reversed(self.message_of.items())}
        later = [(number_of[message], settings) for message, settings in self.scenario.later_settings().items()]
        return [(min(self.message_of), self.scenario.settings()), *later]


def load_scenarios() -> list[Scenario]:
    document = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())
    return [Scenario(each["name"], each) for each in document]


def check(placed: Placed, result: Any) -> None:
    """Assert that what `result` (a reference or what was read back) has for these events is what the scenario says."""
    scenario, prefix, message_of = placed.scenario, placed.prefix, placed.message_of
    expected = scenario.document
    numbers = set(message_of)
    creators = {
        row.profile_no: message_of[row.event_no]
        for row in result.graph_log
        if row.event_no in numbers and row.profile_no == row.canonical_no
    }
    names = {message: name for name, message in expected["profiles"].items()}
    assert sorted(creators.values()) == sorted(names), f"{scenario}: profiles"
    name_of = {profile: names[message] for profile, message in creators.items()} | {None: "none"}
    canonical = {row.profile_no: row.canonical_no for row in result.graph_log if row.event_no in numbers}

    def pair(first: int | None, second: int | None) -> str:
        return name_of[first] if first == second else f"{name_of[first]}>{name_of[second]}"

    stamps = {
        message_of[row.event_no]: pair(row.stamp_no, row.profile_no)
        for row in result.events
        if row.event_no in numbers and row.outcome == "processed"
    }
    assert stamps == expected["events"], f"{scenario}: events"
    graph = [
        f"{name_of[row.profile_no]}>{name_of[row.canonical_no]} {message_of[row.event_no]}"
        for row in result.graph_log
        if row.event_no in numbers
    ]
    assert graph == expected["graph"], f"{scenario}: graph"
    mappings = [
        f"{row.external_id_type} {row.external_id_value.removeprefix(prefix)} "
        f"{pair(row.stamp_no, canonical[row.stamp_no])} {message_of[row.event_no]}{' removed' * (row.operation == 'REMOVED')}"
        for row in result.mapping_log
        if row.event_no in numbers
    ]
    if "mappings" in expected:
        assert mappings == expected["mappings"], f"{scenario}: mappings"
    violations = [
        " ".join(
            filter(
                None,
                [
                    message_of[row.event_no],
                    row.violation,
                    row.external_id_type,
                    row.external_id_value and row.external_id_value.removeprefix(prefix),
                ],
            )
        )
        for row in result.violations
        if row.event_no in numbers
    ]
    assert sorted(violations) == sorted(expected.get("violations", [])), f"{scenario}: violations"


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    rules = [rule(name, **{"custom": True, **fields}) for name, fields in values.get("rules", {}).items()]
    return with_rules(default_settings(**{key: value for key, value in values.items() if key != "rules"}), *rules)


def _moment(text: str) -> datetime:
    if len(text) > 8:
        return datetime.fromisoformat(text)
    day, _, time = text.partition(" ")
    hours, minutes = map(int, (time or "00:00").split(":"))
    return JANUARY + timedelta(days=int(day) - 1, hours=hours, minutes=minutes)


def _prefixed(value: Any, prefix: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _prefixed(inner, prefix, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_prefixed(inner, prefix, key) for inner in value]
    return prefix + value if key in IDENTIFYING and value not in PLACEHOLDERS else value
