"""Writes docs/identity-scenarios.md from scenarios.yml, whose expectations the tests hold against the reference and dbt.

Run `python tests/python/identity/document.py` after a change of the scenarios.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from identity.reference import Removal, extract, trait_writes
from identity.scenarios import Placed, Scenario, load_scenarios

PATH = Path(__file__).resolve().parents[3] / "docs" / "identity-scenarios.md"

HEAD = """\
# Identity resolution by example

Generated from `tests/python/identity/scenarios.yml` by `tests/python/identity/document.py`; do not edit. The tests run every scenario
against the sequential reference and, on each engine and on each way through the algorithm, against dbt.

Each table is what arrives, in order, and what comes of it. P1, P2, … are profiles in the order of their creation. An event is stamped with
the profile that it matched, the newest where it matched several; `P2 → P1` after it means that this profile has merged into another by this
very event. Where nothing else is said, the package's default rules hold: one `user_id` a person, five of every other type, ever.
"""


def render() -> str:
    """The whole document."""
    return "\n".join([HEAD, *(line for scenario in load_scenarios() for line in _section(scenario))])


def _section(scenario: Scenario) -> Iterator[str]:
    document = scenario.document
    yield f"## {scenario.name[0].upper()}{scenario.name[1:]}\n"
    yield f"{document['text']}\n"
    if "settings" in document:
        yield f"Rules: {_rules(document['settings'])}.\n"
    for message, settings in document.get("later_settings", {}).items():
        yield f"From {message} on: {_rules(settings)}.\n"
    placed = scenario.place()
    yield from _table(placed)
    yield f"\nAfterwards: {_afterwards(document)}.\n" if "mappings" in document else ""


def _rules(settings: Mapping[str, Any]) -> str:
    parts = [f"`{name}` {value}" for name, value in settings.items() if name != "rules"]
    for kind, rule in settings.get("rules", {}).items():
        limit = (
            f"{rule['value_limit']} {rule.get('limit_window', 'ever')}"
            if "value_limit" in rule
            else "a custom identifier"
        )
        parts.append(f"`{kind}` {limit}")
    return ", ".join(parts)


def _table(placed: Placed) -> Iterator[str]:
    document = placed.scenario.document
    several = len(placed.loads) > 1
    head = [*(["load"] if several else []), "message", "time", "carries", "stamp", "what it changes", "refused"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    settings = placed.settings()
    seen: set[str] = set()
    for number, load in enumerate(placed.loads, 1):
        for each in load:
            name = placed.message_of[each.event_no]
            again = name in seen
            seen.add(name)
            if isinstance(each, Removal):
                kind, carries, time = "remove", _pair(" ".join(each.identifier)), each.requested_at
            else:
                in_force = [values for start, values in settings if start <= each.event_no][-1]
                identifiers = [_pair(" ".join(identifier)) for identifier in extract(each, in_force)[0]]
                traits = trait_writes(each) if each.type == "identify" else []
                identifiers += [f"{write.column} = {write.value}" for write in traits if write.column != "email"]
                kind, carries, time = each.type, ", ".join(identifiers), each.timestamp
            stamp = "" if again else document["events"].get(name, "").replace(">", " → ")
            changes = "duplicate" if again else "; ".join(_changes(document, name))
            refused = "" if again else "; ".join(_refused(document, name))
            cells = [
                *([str(number)] if several else []),
                f"{name} {kind}",
                f"{time:%m-%d %H:%M}",
                carries,
                stamp,
                changes,
                refused,
            ]
            yield "| " + " | ".join(cell or " " for cell in cells) + " |"


def _changes(document: Mapping[str, Any], message: str) -> Iterator[str]:
    for row in document["graph"]:
        pair, trigger = row.split(" ")
        profile, canonical = pair.split(">")
        if trigger == message:
            yield f"creates {profile}" if profile == canonical else f"{profile} joins {canonical}"
    rows = [row.split(" ") for row in document.get("mappings", [])]
    taken = [_pair(" ".join(row[:2])) for row in rows if row[3] == message and row[4:] == ["removed"]]
    given = [_pair(" ".join(row[:2])) for row in rows if row[3] == message and not row[4:]]
    if given:
        yield "adds " + ", ".join(given)
    if taken:
        yield "takes away " + ", ".join(taken)


def _refused(document: Mapping[str, Any], message: str) -> Iterator[str]:
    for row in document.get("violations", []):
        trigger, violation, *identifier = row.split(" ", 3)
        if trigger == message:
            yield f"{_pair(' '.join(identifier))} `{violation}`".strip()


def _pair(identifier: str) -> str:
    kind, _, value = identifier.partition(" ")
    return f"{kind} `{value}`" if value else kind


def _afterwards(document: Mapping[str, Any]) -> str:
    owners = {profile: profile for profile in document["profiles"]}
    for row in document["graph"]:
        profile, canonical = row.split(" ")[0].split(">")
        owners[profile] = canonical
    held: dict[str, list[str]] = {profile: [] for profile, owner in owners.items() if profile == owner}
    for row in document.get("mappings", []):
        kind, value, owner, _, *removed = row.split(" ")
        owner = owners[owner.split(">")[-1]]
        if removed:
            held[owner].remove(_pair(f"{kind} {value}"))
        else:
            held[owner].append(_pair(f"{kind} {value}"))
    return "; ".join(
        f"{profile}{''.join(f' with {merged}' for merged, owner in owners.items() if owner == profile != merged)} "
        f"has {', '.join(values) or 'nothing'}"
        for profile, values in held.items()
    )


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
