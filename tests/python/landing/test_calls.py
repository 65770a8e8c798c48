"""Single lines: shapes, filled times, reasons and notices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from profiles_sync.landing import timestamps
from profiles_sync.landing.calls import NOTICES, REASONS, Call, CallReader
from profiles_sync.landing.structure import RoundedFloat

LOADED = "2024-05-10T12:00:00.000Z"
RECEIVED = "2024-05-01T10:00:05.000Z"


@dataclass
class Outcome:
    calls: list[Call] = field(default_factory=list)
    rejects: list[tuple[bytes, int, str, str]] = field(default_factory=list)
    notices: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def call(self) -> Call:
        assert self.rejects == []
        assert len(self.calls) == 1
        return self.calls[0]

    @property
    def payload(self) -> Any:
        return json.loads(self.call.payload)

    @property
    def reasons(self) -> list[str]:
        return [reason for _, _, reason, _ in self.rejects]


def read(line: Mapping[str, Any] | bytes, *, strict: bool = True) -> Outcome:
    outcome = Outcome()
    loaded = timestamps.parse(LOADED)
    assert loaded is not None
    reader = CallReader(
        now=loaded,
        loaded=loaded,
        strict=strict,
        accept=outcome.calls.append,
        reject=lambda *reject: outcome.rejects.append(reject),
        notice=lambda *notice: outcome.notices.append(notice),
    )
    reader.read(line if isinstance(line, bytes) else json.dumps(line).encode())
    assert {reason for _, _, reason, _ in outcome.rejects} <= set(REASONS)
    assert {code for code, _ in outcome.notices} <= set(NOTICES)
    return outcome


def archived(**fields: Any) -> dict[str, Any]:
    return {"type": "page", "messageId": "m1", "userId": "u1", "receivedAt": RECEIVED, **fields}


def single(**fields: Any) -> dict[str, Any]:
    return {"type": "page", "messageId": "m1", "userId": "u1", **fields}


def iso(micros: int | None) -> str | None:
    return None if micros is None else timestamps.iso(micros)


# -- shapes ----------------------------------------------------------------------------------------------------------


def test_an_archived_call_is_kept_to_the_byte() -> None:
    line = (
        b'{"type" : "page","messageId":"m1","userId":"u1","receivedAt":"2024-05-01T10:00:05.000Z", "n":1.50,'
        b'"big":123456789012345678901234567890, "b":{"a":null}, "\\u00e9":"\xc3\xa9", "version":2}'
    )
    call = read(line).call
    assert call.payload == line
    assert call.sha256 == hashlib.sha256(line).hexdigest()
    assert (call.item_no, call.kind, call.message_id) == (0, "page", "m1")


@pytest.mark.parametrize("kind", ["identify", "track", "page", "screen", "group", "alias"])
def test_the_six_types(kind: str) -> None:
    call = read(archived(type=kind, event="E", groupId="g", previousId="p", name="N")).call
    assert call.kind == kind
    assert call.event_name == {"track": "E", "page": "N", "screen": "N"}.get(kind)


def test_a_single_call_gets_what_segment_fills_in() -> None:
    line = b'{"type":"track","event":"E","userId":"u1","properties":{"price":12345678901234567890.50}}'
    outcome = read(line)
    generated = f"gen-{hashlib.sha256(line).hexdigest()[:32]}"
    assert outcome.call.message_id == generated
    assert outcome.payload["messageId"] == generated
    assert (
        outcome.payload["receivedAt"] == outcome.payload["timestamp"] == outcome.payload["originalTimestamp"] == LOADED
    )
    assert b'"price":12345678901234567890.50' in outcome.call.payload
    assert outcome.call.sha256 == hashlib.sha256(line).hexdigest()
    assert outcome.notices == [("message_id_generated", None)]


def test_a_batch_becomes_its_calls() -> None:
    items = [
        {"type": "page", "anonymousId": "a", "messageId": "1", "context": {"page": {"url": "/own"}, "ip": None}},
        {"type": "track", "event": "E", "userId": "u", "messageId": "2", "sentAt": "2024-05-10T11:59:58.000Z",
         "timestamp": "2024-05-10T11:00:00.000Z", "writeKey": "k"},
        {"type": "alias", "userId": "u", "previousId": "a", "messageId": "3"},
    ]  # fmt: skip
    batch = {
        "batch": items,
        "context": {"page": {"url": "/batch", "title": "T"}, "ip": "1.2.3.4", "library": {"name": "x"}},
        "integrations": {"All": True},
        "sentAt": "2024-05-10T11:59:59.000Z",
        "timestamp": "2020-01-01T00:00:00.000Z",
        "writeKey": "k",
    }
    outcome = read(batch)
    assert [(call.item_no, call.message_id, call.kind) for call in outcome.calls] == [
        (1, "1", "page"), (2, "2", "track"), (3, "3", "alias"),
    ]  # fmt: skip
    first, second, third = (json.loads(call.payload) for call in outcome.calls)
    # Deep, and the item's own key wins.
    assert first["context"] == {"page": {"url": "/own", "title": "T"}, "ip": None, "library": {"name": "x"}}
    assert first["integrations"] == {"All": True}
    assert first["sentAt"] == "2024-05-10T11:59:59.000Z"
    assert second["sentAt"] == "2024-05-10T11:59:58.000Z"
    # The batch's own timestamp is none of an item's.
    assert first["timestamp"] == third["timestamp"] == LOADED
    assert iso(outcome.calls[1].timestamp) == "2024-05-10T11:00:02.000Z"
    assert {iso(call.received) for call in outcome.calls} == {LOADED}
    assert second["writeKey"] == "k"


def test_digests_and_ids_of_a_batch_are_made_of_the_items() -> None:
    item = b'{"type":"page","anonymousId":"a","n":1.0}'
    other = b'{"batch":[%b,%b],"sentAt":"2024-05-10T11:59:59.000Z"}' % (item, item)
    first, second = read(b'{"batch": [ %b ,%b]}' % (item, item)).calls
    assert first.sha256 == second.sha256 == hashlib.sha256(item).hexdigest()
    # Two equal clicks are two events; the same batch once more is the same two.
    assert first.message_id != second.message_id
    assert [call.message_id for call in read(other).calls] == [first.message_id, second.message_id]
    assert b'"n":1.0' in first.payload


def test_one_bad_item_leaves_the_others_of_its_batch() -> None:
    outcome = read({"batch": [single(), 7, single(type="click"), {"type": "page"}, single(messageId="m2")]})
    assert [call.message_id for call in outcome.calls] == ["m1", "m2"]
    assert [(item_no, reason) for _, item_no, reason, _ in outcome.rejects] == [
        (2, "invalid_json"), (3, "invalid_type"), (4, "no_user_anon_id"),
    ]  # fmt: skip
    assert json.loads(outcome.rejects[1][0]) == single(type="click")


def test_an_archived_call_inside_a_batch_keeps_its_times() -> None:
    assert iso(read({"batch": [archived(timestamp="2024-05-01T09:00:00.000Z")]}).call.received) == RECEIVED


# -- times -----------------------------------------------------------------------------------------------------------

SENT, ORIGINAL, TIMESTAMP = "2024-05-01T10:00:03.000Z", "2024-05-01T10:00:01.000Z", "2024-05-01T10:00:02.500Z"


@pytest.mark.parametrize(
    ("fields", "original", "timestamp"),
    [
        ({"sentAt": SENT, "originalTimestamp": ORIGINAL, "timestamp": TIMESTAMP}, ORIGINAL, TIMESTAMP),
        # The timestamp that is there is never repaired.
        ({"sentAt": SENT, "originalTimestamp": ORIGINAL, "timestamp": SENT}, ORIGINAL, SENT),
        ({"sentAt": SENT, "originalTimestamp": ORIGINAL}, ORIGINAL, "2024-05-01T10:00:03.000Z"),
        ({"originalTimestamp": ORIGINAL}, ORIGINAL, ORIGINAL),
        ({"sentAt": SENT}, RECEIVED, RECEIVED),
        ({}, RECEIVED, RECEIVED),
        ({"sentAt": SENT, "timestamp": TIMESTAMP}, TIMESTAMP, TIMESTAMP),
        ({"timestamp": TIMESTAMP, "originalTimestamp": None}, TIMESTAMP, TIMESTAMP),
    ],
)
def test_times_of_archived_calls(fields: dict[str, Any], original: str, timestamp: str) -> None:
    call = read(archived(**fields)).call
    assert (iso(call.received), iso(call.original), iso(call.timestamp)) == (RECEIVED, original, timestamp)
    assert iso(call.sent) == fields.get("sentAt")
    assert json.loads(call.payload) == archived(**fields)


GIVEN, CALL_SENT = "2024-05-10T11:00:00.000Z", "2024-05-10T11:00:30.250Z"
CORRECTED = "2024-05-10T11:59:29.750Z"


@pytest.mark.parametrize(
    ("fields", "original", "timestamp"),
    [
        ({"timestamp": GIVEN, "sentAt": CALL_SENT}, GIVEN, CORRECTED),
        ({"timestamp": GIVEN}, GIVEN, GIVEN),
        ({"timestamp": "2015-02-23T22:28:55.111+00:00"}, "2015-02-23T22:28:55.111Z", "2015-02-23T22:28:55.111Z"),
        ({"originalTimestamp": GIVEN, "sentAt": CALL_SENT}, GIVEN, CORRECTED),
        ({"originalTimestamp": GIVEN}, GIVEN, GIVEN),
        ({"timestamp": TIMESTAMP, "originalTimestamp": GIVEN, "sentAt": CALL_SENT}, GIVEN, TIMESTAMP),
        ({"sentAt": CALL_SENT}, LOADED, LOADED),
        ({}, LOADED, LOADED),
    ],
)
@pytest.mark.parametrize("batched", [False, True])
def test_times_of_calls_that_were_not_archived(
    fields: dict[str, Any], original: str, timestamp: str, batched: bool
) -> None:
    sent = fields.get("sentAt")
    line: dict[str, Any] = single(**fields)
    if batched:
        line.pop("sentAt", None)
        line = {"batch": [line], **({"sentAt": sent} if sent else {})}
    outcome = read(line)
    call = outcome.call
    assert (iso(call.received), iso(call.original), iso(call.timestamp)) == (LOADED, original, timestamp)
    assert iso(call.sent) == sent
    # The payload says the same to a reader that knows archived calls only.
    again = read(call.payload).call
    assert again[3:7] == call[3:7]
    assert again.payload == call.payload


def test_a_time_that_cannot_be_read_is_absent_and_noted() -> None:
    outcome = read(archived(timestamp="yesterday", sentAt=1714557600000, originalTimestamp=ORIGINAL))
    assert iso(outcome.call.timestamp) == ORIGINAL
    assert outcome.call.sent is None
    assert outcome.notices == [("invalid_timestamp", "sentAt"), ("invalid_timestamp", "timestamp")]
    filled = read(single(timestamp="yesterday"))
    assert filled.payload["timestamp"] == LOADED


def test_the_future_is_accepted() -> None:
    assert iso(read(archived(timestamp="2031-01-01T00:00:00.000Z")).call.timestamp) == "2031-01-01T00:00:00.000Z"


# -- rejects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nope", "invalid_json"),
        (b'{"type":"page"', "invalid_json"),
        (b'{"type":"page","n":NaN}', "invalid_json"),
        (b'{"type":"page","userId":"\xff"}', "invalid_json"),
        (b'{"type":"page","userId":"a\x01"}', "invalid_json"),
        (b'{"n":1e999,"type":"page"}', "invalid_json"),
        (b'{"n":1e-16384,"type":"page"}', "invalid_json"),
        (b'{"n":-1.5E-99999999999999999999999,"type":"page"}', "invalid_json"),
        (b'{"n":0.' + b"0" * 16_384 + b'1,"type":"page"}', "invalid_json"),
        (b"[" * 3000 + b"]" * 3000, "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"page"', "invalid_json"),
        (b"null", "invalid_json"),
        (b'{"a":1}{"b":2}', "invalid_json"),
        (archived(type=None), "invalid_type"),
        (archived(type="Page"), "invalid_type"),
        (archived(type="click"), "invalid_type"),
        (archived(type=["page"]), "invalid_type"),
        ({"messageId": "m"}, "invalid_type"),
        (archived(userId=None), "no_user_anon_id"),
        (archived(userId="", anonymousId="  "), "no_user_anon_id"),
        (archived(userId={"id": 1}, anonymousId=[1]), "no_user_anon_id"),
        (archived(userId=True), "no_user_anon_id"),
        (archived(type="alias", userId=None, anonymousId="a", previousId="p"), "no_user_anon_id"),
        (archived(type="track"), "missing_event_name"),
        (archived(type="track", event=""), "missing_event_name"),
        (archived(type="track", event=7), "missing_event_name"),
        (archived(type="track", event=None), "missing_event_name"),
        (single(properties={"text": "x" * 33_000}), "payload_too_large"),
        ({"batch": [{}] * 2501}, "batch_too_large"),
        ({"batch": [single(properties={"text": "x" * 1000})] * 500}, "batch_too_large"),
        (archived(messageId="m" * 101), "message_id_too_long"),
        (archived(type="group"), "missing_group_id"),
        (archived(type="group", groupId=""), "missing_group_id"),
        (archived(type="group", groupId={"id": 1}), "missing_group_id"),
        (archived(type="track", event="E", context={"groupId": ""}), "empty_context_group_id"),
        (archived(type="group", groupId="g" * 501), "group_id_too_long"),
        (archived(context={"groupId": "g" * 501}), "group_id_too_long"),
        (archived(type="identify", traits={f"t{n}": n for n in range(300)}), "too_many_traits"),
        (archived(type="identify", context={"traits": {f"t{n}": n for n in range(300)}}), "too_many_traits"),
        (archived(type="group", groupId="g", traits={f"t{n}": n for n in range(301)}), "too_many_properties"),
        (archived(type="track", event="E", properties={f"t{n}": n for n in range(301)}), "too_many_properties"),
        (archived(properties={f"t{n}": n for n in range(301)}), "too_many_properties"),
        (archived(timestamp="1969-12-31T23:59:59.999Z"), "timestamp_before_epoch"),
        (archived(receivedAt="yesterday"), "invalid_received_at"),
        (archived(receivedAt=""), "invalid_received_at"),
        (archived(receivedAt=1714557600000), "invalid_received_at"),
        (archived(receivedAt="1969-12-31T23:59:59.999Z", timestamp=SENT), "received_at_out_of_range"),
        (archived(receivedAt="2024-05-11T12:00:00.001Z"), "received_at_out_of_range"),
        (archived(receivedAt="2099-01-01T00:00:00.000Z"), "received_at_out_of_range"),
    ],
)  # fmt: skip
def test_rejects(line: Mapping[str, Any] | bytes, reason: str) -> None:
    outcome = read(line)
    assert outcome.calls == []
    assert outcome.reasons == [reason]
    assert outcome.rejects[0][3] != ""
    # A call that does not land leaves no notices.
    assert outcome.notices == []


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"userId":"u","type":%b}' % nested(1000), "invalid_type"),
        (b'{"userId":"u","type":"page","receivedAt":%b}' % nested(1000), "invalid_received_at"),
        (b'{"batch":[{"userId":"u","type":%b}]}' % nested(300), "invalid_type"),
    ],
)
def test_a_call_is_rejected_however_deep_it_goes(line: bytes, reason: str) -> None:
    assert read(line).reasons == [reason]


@pytest.mark.parametrize(
    "line",
    [
        b'{"userId":"u","type":"page","properties":{"a":%b}}' % nested(1000),
        b'{"batch":[{"userId":"u","type":"page","properties":{"a":%b}}],"context":{"a":1}}' % nested(1000),
        b'{"batch":[{"userId":"u","type":"page","context":{"a":%b}}],"context":{"a":1}}' % nested(1000),
    ],
)
def test_a_call_deeper_than_it_can_be_completed_fails_nothing(line: bytes) -> None:
    outcome = read(line)
    # How deep that is depends on the Python.
    assert len(outcome.calls) == 1 or [reject[2:] for reject in outcome.rejects] == [
        ("invalid_json", "nested too deep")
    ]


@pytest.mark.parametrize(
    "line",
    [
        archived(messageId="é" * 100),
        archived(type="group", groupId=17),
        archived(type="group", groupId=18446744073709551616),
        archived(type="group", groupId="g" * 500),
        archived(type="track", event="E", context={}),
        archived(type="track", event="E", context={"groupId": None}),
        archived(context={"groupId": ""}),
        archived(type="identify", traits={f"t{n}": n for n in range(299)}),
        archived(type="group", groupId="g", traits={f"t{n}": n for n in range(300)}),
        archived(type="track", event="E", properties={f"t{n}": n for n in range(300)}),
        archived(properties={"text": "x" * 200_000}),
        archived(timestamp="1970-01-01T00:00:00.000Z"),
        archived(receivedAt="2024-05-11T12:00:00.000Z"),
        archived(receivedAt="1970-01-01T00:00:00.000Z"),
        archived(type="alias", anonymousId=None, previousId=None),
        archived(properties={"text": 'say \\"1e-20000\\" 1e-20000', "n": 1e-300, "zeros": "." + "0" * 20_000}),
        {"batch": [single(messageId="m1")], "context": None},
        {"batch": [single(properties={"text": "x" * 30_000})]},
    ],
)
def test_just_within_the_limits(line: Mapping[str, Any]) -> None:
    assert read(line).reasons == []


def test_a_batch_of_2500_lands() -> None:
    assert len(read({"batch": [single(messageId=str(n)) for n in range(2500)]}).calls) == 2500


@pytest.mark.parametrize(
    "line",
    [
        archived(type="group"),
        archived(type="track", event="E", context={"groupId": ""}),
        archived(type="group", groupId="g" * 501),
        archived(type="identify", traits={f"t{n}": n for n in range(300)}),
        archived(properties={f"t{n}": n for n in range(301)}),
    ],
)
def test_limits_of_unify_can_be_lifted(line: Mapping[str, Any]) -> None:
    assert read(line, strict=False).reasons == []


def test_the_message_id_limit_cannot() -> None:
    assert read(archived(messageId="m" * 101), strict=False).reasons == ["message_id_too_long"]


# -- ids and notices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected", "noted"),
    [
        ("u1", "u1", False),
        (" u1 ", " u1 ", False),
        (42, "42", False),
        (-7, "-7", False),
        (12345678901234567890123, "12345678901234567890123", False),
        ("", None, False),
        ("  ", None, False),
        (None, None, False),
        (1.5, None, True),
        (False, None, True),
        ({"id": 1}, None, True),
        (["u1"], None, True),
    ],
)
@pytest.mark.parametrize("archive", [True, False])
def test_ids(value: object, expected: str | None, noted: bool, archive: bool) -> None:
    make = archived if archive else single
    outcome = read(make(userId=value, anonymousId="a"))
    assert outcome.call.user_id == expected
    assert outcome.call.anonymous_id == "a"
    assert outcome.notices == ([("bad_identifier", "userId")] if noted else [])
    assert read(make(anonymousId=value)).call.anonymous_id == expected


@pytest.mark.parametrize(
    ("line", "notices"),
    [
        (archived(type="alias", previousId={"a": 1}), [("bad_identifier", "previousId")]),
        (archived(type="alias", previousId=1.5), [("bad_identifier", "previousId")]),
        (archived(type="alias", previousId=15), []),
        (archived(type="group", groupId=True), [("bad_identifier", "groupId")]),
        (archived(type="group", groupId=""), []),
        (archived(name={"en": "Home"}, category={}), [("bad_text", "name"), ("bad_text", "category")]),
        (archived(type="screen", name=7, category=["a"]), []),
    ],
)
def test_what_has_a_column_and_no_value_for_it_is_noted(
    line: Mapping[str, Any], notices: list[tuple[str, str]]
) -> None:
    assert read(line, strict=False).notices == notices


def test_what_a_line_is_noted_for_is_noted_once() -> None:
    line = b'{"batch":[%b],"a":"\\u0000","b":1,"b":2}' % b",".join(
        json.dumps(single(messageId=str(number), userId=user)).encode() for number, user in enumerate(["", "u", "u"])
    )
    outcome = read(line)
    assert (len(outcome.calls), outcome.reasons) == (2, ["no_user_anon_id"])
    assert outcome.notices == [("unstorable_character", None), ("duplicate_key", None)]


@pytest.mark.parametrize(
    ("digits", "rounded"),
    [
        ("3.14159265358979323846", True),
        ("-0.1000000000000000000001", True),
        ("0.10000000000000001", True),
        ("123456789012345.678", True),
        ("1.234567890123456789e-5", True),
        ("0.30000000000000004", False),
        ("0.1000000000000000055511151231257827021181583404541015625", False),
        ("0.10000000000000000000", False),
        ("-73.98542823145678", False),
        ("1650000000.123456", False),
        ("12345678901234567890.123", False),
        ("0.00000000000000000e99999999999999999999", False),
    ],
)
@pytest.mark.parametrize("shape", [b"%b", b'{"batch":[%b]}', b'{"context":{"a":1},"batch":[%b]}'])
def test_a_decimal_that_no_float_equals_is_told_apart(digits: str, rounded: bool, shape: bytes) -> None:
    line = b'{"type":"page","messageId":"m1","userId":"u1","properties":{"a":{"n":%b},"b":1.5}}' % digits.encode()
    call = read(shape % line).call
    assert call.body == {"a": {"n": float(digits)}, "b": 1.5}
    assert [type(value) for value in (call.body["a"]["n"], call.body["b"])] == [
        RoundedFloat if rounded else float,
        float,
    ]
    assert digits.encode() in call.payload


def test_a_long_decimal_changes_nothing_else() -> None:
    """The line is read once more for it, by another parser."""
    others = b'"i":%d,"j":-%d,"k":%b,"zero":-0,"e":1E5,"t":"\\u00e9\\ud83d\\ude00","n":null,"l":[1.5,true]' % (
        2**63, 2**63, b"7" * 300
    )  # fmt: skip

    def body(properties: bytes) -> dict[str, Any]:
        line = b'{"type":"page","messageId":"m1","userId":"u1","receivedAt":"2024-05-01T10:00:05Z","properties":{%b}}'
        found = read(line % properties).call.body
        assert found is not None
        return found

    plain, again = body(others), body(others + b',"x":0.12345678901234567890')
    assert again == plain | {"x": 0.12345678901234567890}
    assert [type(again[key]) for key in plain] == [type(value) for value in plain.values()]
    # Deeper than that parser goes.
    deep = body(b'"n":0.12345678901234567890,"a":%b' % (b"[" * 1000 + b"]" * 1000))
    assert deep["n"] == 0.12345678901234567890


def test_a_long_decimal_where_it_does_not_belong() -> None:
    line = json.dumps(archived(sentAt="#", name="#")).encode().replace(b'"#"', b"0.12345678901234567890")
    outcome = read(line)
    assert (outcome.call.sent, outcome.call.event_name, outcome.notices) == (
        None,
        None,
        [("invalid_timestamp", "sentAt")],
    )
    rejected = read(line.replace(b'"page"', b"0.12345678901234567890"))
    assert [reject[2:] for reject in rejected.rejects] == [("invalid_type", "`type` is 0.12345678901234568")]


@pytest.mark.parametrize("value", [None, "", {"id": 1}])
def test_a_missing_message_id_is_made_of_the_line(value: object) -> None:
    line = json.dumps(archived(messageId=value)).encode()
    call = read(line).call
    assert call.message_id == f"gen-{hashlib.sha256(line).hexdigest()[:32]}"
    assert call.payload == line
    assert read(line).call.message_id == call.message_id


def test_an_integer_message_id_is_text() -> None:
    assert read(archived(messageId=17)).call.message_id == "17"


@pytest.mark.parametrize(
    ("kind", "field_name", "value"),
    [
        ("identify", "traits", "vip"),
        ("page", "properties", []),
        ("track", "properties", 7),
        ("group", "traits", True),
        ("page", "context", "ctx"),
    ],
)
def test_a_container_that_is_no_object_is_absent_and_noted(kind: str, field_name: str, value: object) -> None:
    line = archived(type=kind, event="E", groupId="g", **{field_name: value})
    outcome = read(line)
    assert outcome.notices == [("bad_container", field_name)]
    assert outcome.payload == line
    assert (outcome.call.context if field_name == "context" else outcome.call.body) is None
    assert read({**line, field_name: None}).notices == []


def test_traits_of_an_identify_may_stand_in_the_context() -> None:
    context = {"traits": {"email": "a@b.c"}}
    assert read(archived(type="identify", context=context)).call.body == {"email": "a@b.c"}
    assert read(archived(type="identify", context=context, traits={"plan": "x"})).call.body == {"plan": "x"}
    assert read(archived(type="group", groupId="g", context=context)).call.body is None
    assert read(archived(type="track", event="E", context=context)).call.body is None


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        (rb"a\u0000b", "a\ufffdb"),
        (rb"\uD83D x", "\ufffd x"),
        (rb"x \udc00", "x \ufffd"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\\u0000", "\\u0000"),
        (rb"\\\u0000", "\\\ufffd"),
        (rb"caf\u00e9\u0000", "café\ufffd"),
    ],
)
def test_characters_that_no_warehouse_stores(escaped: bytes, expected: str) -> None:
    line = b'{"type":"page","messageId":"m","userId":"u","receivedAt":"%b","name":"%b"}' % (RECEIVED.encode(), escaped)
    outcome = read(line)
    assert outcome.call.event_name == expected
    assert outcome.payload["name"] == expected
    assert b"\\ud8" not in outcome.call.payload.lower()
    assert outcome.notices == ([("unstorable_character", None)] if "\ufffd" in expected else [])
    assert outcome.call.sha256 == hashlib.sha256(line).hexdigest()


def test_what_real_clients_send_is_accepted() -> None:
    line = {
        "type": "alias", "userId": "u", "anonymousId": None, "category": None, "_metadata": {"nodeVersion": "20"}, "writeKey": "k",
        "previousId": "a", "messageId": "m", "receivedAt": "2024-05-01T10:00:05.123456+00:00", "context": None,
    }  # fmt: skip
    outcome = read(line)
    assert outcome.payload == line
    assert iso(outcome.call.received) == "2024-05-01T10:00:05.123456Z"
    assert outcome.notices == []
