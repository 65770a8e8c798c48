"""Random and adversarial event streams, many of them interleaved in one space.

Identifiers of different streams never meet, so one run of dbt over a batch of streams is as good as one run each; the
rules are those of the batch. Everything is a function of the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from identity.reference import RawEvent, Removal, extract
from identity.space import default_settings, rule, with_rules

START = datetime(2024, 1, 1)
WINDOWS = ["ever", "daily", "weekly", "monthly", "annually"]

# What one event of a stream carries: identifiers by short name (u user, e email, a anonymous, d device, p custom phone,
# x external, n and q further ones of externalIds), with their numbers inside the stream.
Call = dict[str, list[int]]


def mixed(rng: random.Random) -> list[Call]:
    """A few people sharing devices, addresses and identifiers."""
    pools = {"u": rng.randint(1, 4), "a": rng.randint(1, 6), "e": rng.randint(1, 3), "d": 2, "p": 2, "x": 2}
    calls = []
    for _ in range(rng.randint(2, 24)):
        call: Call = {}
        for kind, size in pools.items():
            chance = {"u": 0.5, "a": 0.7, "e": 0.35}.get(kind, 0.15)
            if rng.random() < chance:
                call[kind] = rng.sample(range(size), min(size, 1 if rng.random() < 0.85 else 2))
        calls.append(call or {"a": [0]})
    return calls


def bot(rng: random.Random) -> list[Call]:
    """One cookie under which everybody signs in."""
    return [{"u": [rng.randint(0, 12)], "a": [0]} for _ in range(rng.randint(5, 25))]


def kiosk(rng: random.Random) -> list[Call]:
    """A shared device: anonymous calls between sign-ins."""
    return [
        {"a": [0]} if rng.random() < 0.3 else {"u": [rng.randint(0, 4)], "a": [0], "d": [0]}
        for _ in range(rng.randint(5, 20))
    ]


def chain(rng: random.Random) -> list[Call]:
    """Links of a path, in any order."""
    calls: list[Call] = [{"a": [i, i + 1]} for i in range(rng.randint(3, 12))]
    if rng.random() < 0.7:
        rng.shuffle(calls)
    return calls


def daisy_chain(rng: random.Random) -> list[Call]:
    """Users and cookies by turns, each link waiting for the one before."""
    calls: list[Call] = []
    for i in range(rng.randint(3, 10)):
        calls += [{"u": [i], "a": [i]}, {"u": [i + 1], "a": [i]}]
    return calls


def diamond(rng: random.Random) -> list[Call]:
    """Two ways from one person to another."""
    calls: list[Call] = [
        {"a": [0]},
        {"a": [3]},
        {"a": [0], "e": [0]},
        {"a": [0], "e": [1]},
        {"e": [0], "a": [3]},
        {"e": [1], "a": [3]},
    ]
    rng.shuffle(calls)
    return calls


def star(rng: random.Random) -> list[Call]:
    """Many profiles first, then one user who ties them."""
    calls: list[Call] = [{"a": [i]} for i in range(rng.randint(3, 9))]
    ties: list[Call] = [{"u": [0], "a": [i]} for i in range(len(calls))]
    rng.shuffle(ties)
    return calls + ties


def older_each_time(rng: random.Random) -> list[Call]:
    """Every merge finds a still older profile, so all that merged before moves again."""
    n = rng.randint(3, 9)
    return [{"a": [i]} for i in range(n)] + [{"a": [i, i + 1]} for i in reversed(range(n - 1))]


def priority_tangle(rng: random.Random) -> list[Call]:
    """Many identifiers on every event, so that innocent ones are taken off."""
    return [
        {kind: rng.sample(range(3), rng.randint(1, 2)) for kind in "ueadpx" if rng.random() < 0.6} or {"u": [0]}
        for _ in range(rng.randint(3, 15))
    ]


SHAPES: list[Callable[[random.Random], list[Call]]] = [
    mixed,
    mixed,
    mixed,
    bot,
    kiosk,
    chain,
    daisy_chain,
    diamond,
    star,
    older_each_time,
    priority_tangle,
]


# Conditions of `event_filters`, and what they mean.
FILTERS: dict[str, Callable[[RawEvent], bool]] = {
    "type = 'group' and event_no > 0": lambda event: event.type == "group",
    "event_name = 'Thing Done'": lambda event: event.payload.get("event") == "Thing Done",
    "anonymous_id like '%a1'": lambda event: (event.anonymous_id or "").endswith("a1"),
    "user_id is null and type in ('page', 'screen')": lambda event: (
        event.user_id is None and event.type in ("page", "screen")
    ),
}


@dataclass
class Batch:
    """Interleaved streams with removals of identifiers, the settings by the number they hold from, and the syncs' last numbers."""

    events: list[RawEvent]
    removals: list[Removal]
    settings: list[tuple[int, dict[str, Any]]]
    cuts: list[int]

    def syncs(self) -> Iterator[tuple[list[tuple[int, dict[str, Any]]], list[RawEvent], list[Removal]]]:
        """What each sync brings: new settings, events, removals."""
        after = 0
        for upto in [*self.cuts, max(each.event_no for each in (*self.events, *self.removals))]:
            yield (
                [each for each in self.settings if after < each[0] <= upto],
                [each for each in self.events if after < each.event_no <= upto],
                [each for each in self.removals if after < each.event_no <= upto],
            )
            after = upto


def random_settings(rng: random.Random, windows: bool = True) -> dict[str, Any]:
    """Limits, windows, priorities, blocks and caps: now so small that they bite, now so wide that people merge."""
    tight = rng.random() < 0.6
    windows = windows and rng.random() < 0.6
    settings = default_settings(
        merge_cap=rng.choice([1, 2, 3, 100]) if tight else 100,
        mapping_cap=rng.choice([2, 3, 5, 8, 1000]) if tight else rng.choice([8, 1000, 1000]),
        default_limit=rng.choice([1, 2, 5]) if tight else rng.choice([3, 5]),
        default_window=rng.choice(WINDOWS) if windows and rng.random() < 0.3 else "ever",
    )
    rules = []
    for name in ("user_id", "email", "anonymous_id", "android.id", "phone_no"):
        if name == "phone_no" and rng.random() < 0.3:
            continue
        limits = [1, 1, 2, 3, 5, None] if tight else [2, 3, 5, None, None]
        rules.append(
            rule(
                name,
                enabled=name == "user_id" or rng.random() < 0.95,
                custom=name == "phone_no",
                value_limit=rng.choice(limits)
                if name != "user_id"
                else rng.choice([1, 1, 1, 2] if tight else [1, 2, None]),
                limit_window=rng.choice(WINDOWS) if windows and rng.random() < 0.5 else "ever",
                priority=rng.choice([None, 1, 2, 3]) if rng.random() < 0.5 else {"user_id": 1, "email": 2}.get(name),
                normalize=rng.choice(["", "lower", "trim|lower"]) if name == "email" else "",
            )
        )
    settings = with_rules(settings, *rules)
    blocked = [
        {"external_id_type": "", "kind": "pattern", "value": r"[su]\d+[_-]a?0"},
        {"external_id_type": "email", "kind": "pattern", "value": r"s\d*[13]_(e|a)[01]"},
        *({"external_id_type": "", "kind": "exact", "value": f"s{rng.randrange(50)}_u0"} for _ in range(5)),
        *({"external_id_type": "anonymous_id", "kind": "exact", "value": f"s{rng.randrange(50)}_a1"} for _ in range(5)),
    ]
    settings["blocked_values"] = [*settings["blocked_values"], *rng.sample(blocked, rng.choice([0, 0, 0, 3, 6]))]
    settings["event_filters"] = rng.sample(list(FILTERS), rng.choice([0, 0, 1, 2]))
    settings["auto_register_external_ids"] = rng.random() < 0.9
    return settings


def tightened(rng: random.Random, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, with lower limits and caps."""
    changed = {
        **settings,
        "merge_cap": rng.choice([1, settings["merge_cap"]]),
        "mapping_cap": max(2, settings["mapping_cap"] // rng.choice([1, 2])),
    }
    lower = [
        {**each, "value_limit": 2 if each["value_limit"] is None else max(1, each["value_limit"] - rng.choice([0, 1]))}
        for each in settings["identity_rules"]
    ]
    return with_rules(changed, *lower)


def random_batch(
    seed: int, streams: int, *, windows: bool = True, versions: int = 3, syncs: int = 4, removals: bool = True
) -> Batch:
    """Interleave `streams` random streams under random settings, cut at random into syncs.

    Args:
        seed: All else follows from it.
        streams: Number of streams.
        windows: Limits may slide.
        versions: Most versions of the settings.
        syncs: Most syncs.
        removals: Identifiers may be removed.
    """
    rng = random.Random(seed)
    calls: list[tuple[float, int, Call]] = []
    for number in range(streams):
        shape = rng.choice(SHAPES)(rng)
        if rng.random() < 0.2:
            shape = shape + rng.choices(shape, k=rng.randint(1, len(shape)))
        places = sorted(rng.random() for _ in shape)
        calls += [(place, number, call) for place, call in zip(places, shape, strict=True)]
    calls.sort(key=lambda item: (item[0], item[1]))

    # Long enough for the windows to slide, short enough for them to bind.
    span = rng.choice([0.2, 2, 20, 400])
    base = rng.choice([0, 5_000, 40_000_000_000])
    events: list[RawEvent] = []
    removed: list[Removal] = []
    often = rng.choice([0, 3, 6]) / len(calls) if removals else 0
    event_no = base
    for place, number, call in calls:
        event_no += rng.choice([1, 1, 1, 2])
        at = START + timedelta(days=place * span)
        if rng.random() < 0.05:
            at -= timedelta(days=rng.random() * span)
        events.append(event_of(rng, event_no, number, call, at))
        if rng.random() < 0.03:
            event_no += 1
            again = events[-1 if rng.random() < 0.5 else rng.randrange(len(events))]
            events.append(
                RawEvent(
                    event_no, again.payload, again.message_id, again.type, at, at, at, again.user_id, again.anonymous_id
                )
            )

        for _ in range(rng.randint(1, 4) if rng.random() < often else 0):
            event_no += 1
            known, _ = extract(rng.choice(events[-40:]), default_settings())
            removed.append(Removal(event_no, rng.choice(known or [("user_id", "nobody")]), at))

    numbers = [each.event_no for each in events]
    cuts = sorted(rng.sample(numbers, min(len(numbers), rng.randint(0, syncs - 1))))
    settings = [(1, random_settings(rng, windows))]
    # Rules change between two syncs, or between two loads that no sync saw apart.
    starts = {
        rng.choice([each + 1 for each in cuts] or numbers) if rng.random() < 0.5 else rng.choice(numbers)
        for _ in range(rng.randint(0, versions - 1))
    }
    for start in sorted(starts):
        change = tightened(rng, settings[-1][1]) if rng.random() < 0.5 else random_settings(rng, windows)
        settings.append((start, change))
    return Batch(events, removed, settings, cuts)


def without_patterns(batch: Batch) -> Batch:
    """The same batch, but no value is blocked by a pattern."""
    settings = [
        (start, {**each, "blocked_values": [row for row in each["blocked_values"] if row["kind"] != "pattern"]})
        for start, each in batch.settings
    ]
    return replace(batch, settings=settings)


def event_of(rng: random.Random, event_no: int, stream: int, call: Call, at: datetime) -> RawEvent:
    """Put a stream's identifiers where the calls of real clients have them."""

    def value(kind: str, number: int) -> str:
        return f"s{stream}_{kind}{number}"

    user = [value("u", number) for number in call.get("u", [])]
    anonymous = [value("a", number) for number in call.get("a", [])]
    kind = rng.choice(["identify", "track", "page", "screen", "group", "identify"])
    if kind == "screen" and event_no % 4 == 0:
        # Only its user, or else its anonymous id, counts.
        kind = "alias"
    context: dict[str, Any] = {}
    external: list[Any] = []
    body: dict[str, Any] = {}
    payload: dict[str, Any] = {"type": kind, "messageId": f"m{event_no}", "context": context}
    if kind == "track":
        payload["event"] = "Thing Done"
    payload["traits" if kind in ("identify", "group") else "properties"] = body
    if kind == "alias":
        payload["previousId"] = value("a", 0)
    if user:
        payload["userId"] = user[0]
    if anonymous:
        payload["anonymousId"] = anonymous[0]
    external += [_entry("user_id", each) for each in user[1:]] + [
        _entry("anonymous_id", each) for each in anonymous[1:]
    ]
    for place, number in enumerate(call.get("e", [])):
        address = value("e", number)
        if rng.random() < 0.2:
            address = address.upper() if rng.random() < 0.5 else f" {address} "
        if place == 0 and kind == "identify":
            body["email"] = address
        elif "traits" not in context:
            context["traits"] = {"email": address}
        else:
            external.append(_entry("email", address))
    if kind == "identify" and rng.random() < 0.4:
        body |= {name: rng.choice(["red", "blue", None, 7]) for name in ("plan", "city") if rng.random() < 0.6}
    for number in call.get("d", [])[:1]:
        context["device"] = {"type": rng.choice(["android", "Android"]), "id": value("d", number)}
    for place, number in enumerate(call.get("p", [])):
        if place == 0:
            body[rng.choice(["phone_no", "phoneNo"])] = number + 1000 * (stream + 1)
        else:
            external.append(_entry("phone_no", str(number + 1000 * (stream + 1))))
    for short, name in (("x", "loyalty"), ("n", "node_id"), ("q", "pair_id")):
        external += [_entry(name, value(short, number)) for number in call.get(short, [])]
    if external:
        context["externalIds"] = external
    if rng.random() < 0.03:
        payload["anonymousId"] = rng.choice(["null", "000-0", "anonymous"])
    return RawEvent(
        event_no,
        payload,
        payload["messageId"],
        kind,
        at,
        at,
        at + timedelta(days=1),
        payload.get("userId"),
        payload.get("anonymousId"),
    )


def _entry(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "id": value, "collection": "users", "encoding": "none"}
