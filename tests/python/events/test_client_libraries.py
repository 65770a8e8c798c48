"""Calls as Segment's client libraries send them: every value in the column, and of the type, that Segment's warehouses give."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from support.dbt import Deployment
from support.pipeline import Pipeline

# What Segment's servers add, and no table shows.
ENVELOPE = {
    "version": 2,
    "projectId": "p1Ra",
    "writeKey": "w1Re",
    "_metadata": {"bundled": ["Segment.io"], "unbundled": []},
}
TIMES = {
    "originalTimestamp": "2024-05-01T09:59:58.118Z", "sentAt": "2024-05-01T09:59:59.004Z",
    "receivedAt": "2024-05-01T10:00:00.931Z", "timestamp": "2024-05-01T10:00:00.045Z",
}  # fmt: skip

BROWSER = {
    "ip": "203.0.113.7",
    "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
    "userAgentData": {"brands": [{"brand": "Chromium", "version": "124"}], "mobile": False, "platform": "macOS"},
    "locale": "de-DE",
    "timezone": "Europe/Berlin",
    "library": {"name": "analytics.js", "version": "next-1.70.0"},
    "page": {"path": "/", "referrer": "", "search": "?utm_source=news", "title": "Héllo – Shop", "url": "https://shop.example/"},
    "campaign": {"name": "spring", "source": "news", "medium": "email", "term": "shoes", "content": "top"},
    "consent": {"categoryPreferences": {"Advertising": True, "Functional": False, "C0003": True}},
    "Google Analytics": {"clientId": "1033501218.1368477899"},
    "sessionId": 1714557598118,
    "referrer": {"id": "ABCD582CDEFFFF01919", "type": "dataxu"},
    "externalIds": [{"id": "x9", "type": "crm_id", "collection": "users", "encoding": "none"}],
}  # fmt: skip
IPHONE = {
    "app": {"name": "Shop", "version": "6.1.0", "build": "3.0.1.545", "namespace": "com.example.shop"},
    "device": {
        "adTrackingEnabled": True, "advertisingId": "7A3CBEA0-BDF5-11E4-8DFC-AA07A5B093DB", "id": "B5372DB0-C21E-11E4-8DFC-AA07A5B093DB",
        "manufacturer": "Apple", "model": "iPhone15,2", "name": "iPhone", "type": "ios", "token": "ff15bc0c20c4aa6cd50854ff165fd265",
    },
    "library": {"name": "analytics-swift", "version": "1.5.11"},
    "network": {"bluetooth": False, "carrier": "T-Mobile", "cellular": True, "wifi": False},
    "os": {"name": "iOS", "version": "17.4.1"},
    "screen": {"width": 393, "height": 852},
    "location": {"city": "Köln", "latitude": 50.94, "longitude": 7, "speed": 0},
    "instanceId": "E6B0-1",
    "traits": {},
}  # fmt: skip
ANDROID = {
    "app": {"name": "Shop", "version": "6.1.0", "build": "545", "namespace": "com.example.shop"},
    "device": {
        "adTrackingEnabled": False, "advertisingId": None, "id": "a1b2", "manufacturer": "Google", "model": "Pixel 8", "name": "shiba",
        "type": "android",
    },
    "library": {"name": "analytics-kotlin", "version": "1.16.3"},
    "network": {"bluetooth": True, "carrier": "", "cellular": False, "wifi": True},
    "os": {"name": "Android", "version": "14"},
    "screen": {"density": 2.625, "width": 1080, "height": 2274},
    "traits": {"anonymousId": "pixel", "plan": "free"},
}  # fmt: skip
PRODUCTS = [
    {"product_id": "507f1", "sku": "45790-32", "name": "Monopoly: 3rd Edition", "price": 19, "quantity": 1},
    {"product_id": "505bd", "sku": "46493-32", "name": "Uno “Kärtchen”", "price": 3.5, "quantity": 2, "tags": []},
]

CALLS: list[dict[str, Any]] = [
    {
        "type": "page", "messageId": "ajs-next-1", "anonymousId": "browser", "userId": None, "channel": "client", "context": BROWSER,
        "integrations": {"All": True, "Segment.io": {"deduplicate": True}}, "name": "Home", "category": "Shop",
        "properties": {
            "name": "Home", "category": "Shop", "path": "/", "referrer": "", "search": "?utm_source=news", "title": "Héllo – Shop",
            "url": "https://shop.example/", "keywords": ["shoes", "boots"], "loadTimeMS": 812,
        },
    },
    {
        "type": "identify", "messageId": "ajs-next-2", "anonymousId": "browser", "userId": "97980cfea0067", "context": BROWSER,
        "traits": {
            "email": "peter@example.com", "firstName": "Peter", "lastName": "Gibbons", "name": "Peter Gibbons", "age": 32, "id": 97980,
            "birthday": "1991-12-17", "createdAt": "2014-01-20T19:33:37.000Z", "phone": "410-555-9412", "isVIP": True, "balance": 10,
            "address": {"street": "6th St", "city": "San Francisco", "state": "CA", "postalCode": "94103", "country": "USA",
                        "geo": {"lat": 37.77, "lng": -122.4}},
            "company": {"name": "Initech", "id": "123", "employee_count": 10, "plan": "business"},
            "Favourite Colours": ["red", "blue"], "lastLogin": None, "iOSUser": False,
        },
    },
    {
        "type": "track", "messageId": "ajs-next-3", "anonymousId": "browser", "userId": "97980cfea0067", "context": BROWSER,
        "event": "Order Completed", "integrations": {"Mixpanel": False, "Salesforce": {"campaign": 7}},
        "properties": {
            "checkout_id": "fksdjfsdjfisjf9sdfjsd9f", "order_id": "50314b8e9bcf000000000000", "total": 27.5, "subtotal": 22.5,
            "revenue": "25.00", "shipping": 3, "tax": 2.0, "currency": "USD", "coupon": "hasbros", "products": PRODUCTS,
            "estimated_delivery": "2024-05-03", "Placed At": "2024-05-01T11:59:58+02:00", "deliveryURL": "https://x.example/d",
            "event": "again", "2fa": True, "$set": {"$plan": "pro"}, "gift.wrap": "none", "value": 1e2,
        },
    },
    {
        "type": "track", "messageId": "swift-1", "anonymousId": "phone", "userId": "97980cfea0067", "context": IPHONE,
        "event": "Order Completed",
        "properties": {"order_id": 5, "total": 9, "revenue": 9.99, "shipping": 0, "tax": 0.7, "products": [], "coupon": None,
                       "Placed At": "2024-05-01T09:59:58.118Z", "estimated_delivery": 1714521600, "value": 100},
    },
    {
        "type": "track", "messageId": "swift-2", "anonymousId": "phone", "context": IPHONE, "event": "Application Opened",
        "properties": {"from_background": False, "referring_application": "com.apple.MobileSMS", "url": "shop://open", "version": "6.1.0",
                       "build": "545", "iPhone15Pro": True},
    },
    {
        "type": "screen", "messageId": "swift-3", "anonymousId": "phone", "context": IPHONE, "name": "Cart", "category": "",
        "properties": {"Feed Type": "private", "items": 2, "screenID": 7},
    },
    {
        "type": "screen", "messageId": "kotlin-1", "anonymousId": "pixel", "context": ANDROID,
        "properties": {"name": "From property", "category": 5, "items": 3},
    },
    {
        "type": "track", "messageId": "kotlin-2", "anonymousId": "pixel", "context": ANDROID, "event": "ShoeA Clicked",
        "properties": {"product_id": {"sku": "G-32"}, "price": 39, "isVIP": False},
    },
    {
        "type": "identify", "messageId": "py-1", "userId": "019mr8mf4r",
        "context": {"library": {"name": "analytics-python", "version": "2.3.2"}},
        "traits": {"email": "bill@example.com", "age": "40", "createdAt": "2014-01-20 19:33:37", "balance": 10.25, "logins": 0,
                   "friends": {"best": {"friend": {"name": "Ann"}}}},
    },
    {
        "type": "group", "messageId": "rb-1", "userId": "019mr8mf4r", "groupId": "0e8c78ea9d97a7b8185e8632",
        "context": {"library": {"name": "analytics-ruby", "version": "2.4.0"}, "groupId": "parent"},
        "traits": {"name": "Initech", "employees": 329, "id": "g", "industry": "Technology", "address": {"city": "Austin"},
                   "total billed": 830},
    },
    {
        "type": "alias", "messageId": "rb-2", "userId": "019mr8mf4r", "previousId": "browser-old",
        "context": {"library": {"name": "analytics-ruby", "version": "2.4.0"}},
    },
    {
        "type": "track", "messageId": "2faTSR8GEcdDTSZRhEsFFbhsoZ1", "userId": "019mr8mf4r", "event": "order_completed",
        "context": {"library": {"name": "analytics-go", "version": "3.3.0"}, "ip": "::1", "extra": {"N": 1.0}},
        "properties": {"total": 30, "revenue": -5, "tax": 1, "Total Items": 12345678901234567890, "shipping": 2},
    },
]  # fmt: skip

TABLES = {"identify": "identifies", "page": "pages", "screen": "screens", "group": "groups", "alias": "aliases"}
FIXED = {
    "id", "segment_id", "event_source_id", "event_source_name", "event_source_slug", "anonymous_id", "user_id", "received_at",
    "sent_at", "timestamp", "original_timestamp", "uuid_ts",
}  # fmt: skip
ENGINE_TYPES = {
    "duckdb": {"boolean": "boolean", "integer": "bigint", "float": "double", "timestamp": "timestamp", "varchar": "varchar"},
    "postgres": {"boolean": "boolean", "integer": "bigint", "float": "double precision",
                 "timestamp": "timestamp without time zone", "varchar": "text"},
}  # fmt: skip
# By hand, of one table: what Segment calls the columns of these properties.
ORDER = {
    "checkout_id": "varchar", "order_id": "varchar", "total": "float", "subtotal": "float", "revenue": "varchar", "shipping": "integer",
    "tax": "float", "currency": "varchar", "coupon": "varchar", "products": "varchar", "estimated_delivery": "varchar",
    "placed_at": "timestamp", "delivery_url": "varchar", "_event": "varchar", "_2fa": "boolean", "set_plan": "varchar",
    "gift_wrap": "varchar", "value": "float", "total_items": "float",
}  # fmt: skip
CONTEXT_NAMES = {
    "context_user_agent_data_brands", "context_campaign_source", "context_consent_category_preferences_c0003",
    "context_google_analytics_client_id", "context_device_ad_tracking_enabled", "context_external_ids", "context_session_id",
    "context_extra_n", "context_location_longitude",
}  # fmt: skip


def snake(path: tuple[str, ...]) -> str:
    return "_".join(word.lower() for key in path for word in re.findall("[A-Z0-9]+[a-z0-9]*|[a-z0-9]+", key))


def leaves(value: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, (*path, key))
        elif inner is not None:
            yield (*path, key), inner


def cells(call: dict[str, Any], *, with_body: bool) -> dict[str, Any]:
    """A call's own values by the column that they belong in."""
    found = {snake(("context", *path)): value for path, value in leaves(call.get("context", {}))}
    if with_body:
        for path, value in leaves(call.get("properties") or call.get("traits") or {}):
            name = snake(path)
            found[f"_{name}" if name in ("id", "event") or name[0].isdigit() else name] = value
    own = {"name": "name", "category": "category", "groupId": "group_id", "previousId": "previous_id"}
    return found | {column: call[field] for field, column in own.items() if field in call}


def type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if abs(value) < 2**63 else "float"
    if isinstance(value, float):
        return "float"
    return (
        "timestamp"
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.+(Z|[+-]\d\d:\d\d)", value)
        else "varchar"
    )


def column_type(values: list[Any]) -> str:
    types = {type_of(value) for value in values}
    return types.pop() if len(types) == 1 else "float" if types == {"integer", "float"} else "varchar"


def shown(value: Any, data_type: str) -> Any:
    """A value as a column of this type shows it."""
    if data_type == "timestamp":
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc).replace(tzinfo=None)
    if data_type != "varchar":
        return float(value) if data_type == "float" else value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("deployment", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_every_value_is_in_its_column(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    report = pipeline.land([call | ENVELOPE | TIMES for call in CALLS])
    assert (report.landed, report.rejected) == (len(CALLS), {})
    assert {(each.notice, each.table_name, each.column_name) for each in report.notices} == {
        ("shared_event_table", "order_completed", None),
        # An integer of twenty digits.
        ("value_rounded", "order_completed", "total_items"),
        *(("shared_column", table, column) for table in ("pages", "screens") for column in ("name", "category")),
    }
    pipeline.build()

    rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for call in CALLS:
        table = TABLES.get(call["type"]) or snake((call["event"],))
        rows[table][call["messageId"]] = cells(call, with_body=True)
        if call["type"] == "track":
            event = {"event": table, "event_text": call["event"]}
            rows[table][call["messageId"]] |= event
            rows["tracks"][call["messageId"]] = cells(call, with_body=False) | event
    assert set(rows) == {*TABLES.values(), "tracks", "order_completed", "application_opened", "shoe_a_clicked"}
    engine_types = ENGINE_TYPES[deployment.engine]
    types: dict[str, dict[str, str]] = {}
    for table, expected in rows.items():
        values: dict[str, list[Any]] = defaultdict(list)
        for row in expected.values():
            for column, value in row.items():
                values[column].append(value)
        types[table] = {column: column_type(found) for column, found in values.items()}
        present = {
            column: kind for column, kind in pipeline.columns(table).items() if column not in FIXED | {"_overflow"}
        }
        assert present == {column: engine_types[kind] for column, kind in types[table].items()}, table
        found = {row["id"]: row for row in deployment.documents(f"profiles.{table}")}
        assert {row.get("_overflow") for row in found.values()} == {None}
        assert {
            ident: {column: row[column] for column in present if row[column] is not None}
            for ident, row in found.items()
        } == {
            ident: {column: shown(value, types[table][column]) for column, value in row.items()}
            for ident, row in expected.items()
        }, table
        assert {(row["received_at"], row["timestamp"]) for row in found.values()} == {
            (shown(TIMES["receivedAt"], "timestamp"), shown(TIMES["timestamp"], "timestamp"))
        }
    assert ORDER.items() <= types["order_completed"].items()
    assert {name for name in types["order_completed"] if not name.startswith("context_")} == {
        *ORDER,
        "event",
        "event_text",
    }
    assert types["order_completed"].keys() >= CONTEXT_NAMES

    # Of traits, the profile shows the same, but in `profile_traits` for what begins with an underscore.
    every_trait = {name for name in types["identifies"] if not name.startswith("context_")}
    traits = {name for name in every_trait if not name.startswith("_")}
    for message_id, email in (("ajs-next-2", "peter@example.com"), ("py-1", "bill@example.com")):
        (profile,) = (row for row in deployment.documents("profiles.profile_traits") if row["email"] == email)
        expected_traits = {name: value for name, value in rows["identifies"][message_id].items() if name in traits}
        assert {name: profile[name] for name in traits if profile[name] is not None} == {
            name: shown(value, types["identifies"][name]) for name, value in expected_traits.items()
        }
        owner = profile["canonical_segment_id"]
        assert dict(
            deployment.query(f"select name, value from profiles.user_traits where canonical_segment_id = '{owner}'")
        ) == {
            name: shown(value, "varchar")
            for name, value in rows["identifies"][message_id].items()
            if name in every_trait
        }
