"""One line of a file: the calls in it, checked, in the shape of Segment's archive.

Three shapes are read. *Archived* calls carry `receivedAt`; their JSON is kept to the byte. A *single call* is the body
of a request to the tracking API, a *batch* has many of them in `batch`; both get here what Segment's servers fill in,
and all of their other values keep their text too, so that a number of 30 digits stays one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
import orjson

from profiles_sync.landing import timestamps
from profiles_sync.landing.structure import RoundedFloat
from profiles_sync.naming import EVENT_TYPE_TABLES

CALL_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
BATCH_ITEMS = 2500
MESSAGE_ID_CHARACTERS = 100
GROUP_ID_CHARACTERS = 500
IDENTIFY_TRAITS = 299
PROPERTIES = 300

REASONS = {
    "invalid_json": "the line is no JSON object",
    "invalid_type": "`type` is none of the six call types",
    "no_user_anon_id": "neither `userId` nor `anonymousId`",
    "missing_event_name": "a Track without a name",
    "payload_too_large": "the call is larger than the tracking API takes",
    "batch_too_large": "the batch is larger than the tracking API takes",
    "message_id_too_long": "`messageId` has more than 100 characters",
    "missing_group_id": "a Group without `groupId`",
    "empty_context_group_id": "a Track whose `context.groupId` is blank",
    "group_id_too_long": "a `groupId` of more than 500 characters",
    "too_many_traits": "an Identify with 300 traits or more",
    "too_many_properties": "more than 300 properties or traits",
    "timestamp_before_epoch": "the event is dated before 1970",
    "invalid_received_at": "`receivedAt` is no date-time",
    "suppressed": "the user is suppressed; of the call nothing is kept",
    "received_at_out_of_range": "`receivedAt` is before 1970 or more than a day after the load",
}
"""Why a call is rejected, by code."""

SUPPRESSED = "suppressed"
"""The reason that leaves no row among the rejects: the call is only counted."""

NOTICES = {
    "message_id_generated": "calls without `messageId` got one made of their content",
    "bad_container": "a container is no object and was read as absent",
    "bad_identifier": "an id is no text and no integer and was read as absent",
    "bad_text": "a name or category is an object and was read as absent",
    "invalid_timestamp": "a time could not be read and was taken as absent",
    "unstorable_character": "U+0000 or half a surrogate pair became U+FFFD",
    "duplicate_key": "an object has a key more than once; the last one counts, the others are gone",
}
"""What is noted about a call that lands, by code."""

BODY = {
    "identify": "traits",
    "group": "traits",
    "alias": "traits",
    "track": "properties",
    "page": "properties",
    "screen": "properties",
}
"""The container of a call's own values, by call type."""

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
# A number that Postgres' numeric, and so its jsonb, does not take: more decimals than this.
_DECIMALS = 16_383
_MAYBE_TINY = re.compile(rb"[eE]-\d{4}|\.\d{%d}" % (_DECIMALS // 2))
_STRING_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.(\d+))?(?:[eE]([+-]?\d+))?')
# A decimal of at least 16 digits has so many on one side of its point; looked for by the point, which is quick.
_MAYBE_LONG = re.compile(rb"\.(?:\d{8}|(?<=\d{9}\.)\d)")
_FRACTION = re.compile(rb"\.\d+(?:[eE][-+]?\d+)?")
# Every decimal of so many characters is the shortest one of its float.
_SHORT = 16
# More digits before the point are beyond 64 bits.
_WHOLE_DIGITS = 19
# An integer of so many characters has 64 bits at most.
_INTEGER_CHARACTERS = 18
_BEYOND = 2.0**63
_STRING_OR_SIGN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]')
_Members = dict[str, msgspec.Raw]
_decode_members = msgspec.json.Decoder(_Members).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


# msgspec takes fewer levels than orjson, how many depends on the Python.
_TOO_DEEP = "nested too deep"


class Call(NamedTuple):
    """An accepted call, ready to be written.

    Attributes:
        message_id: Its own, or one made of its content.
        kind: Call type.
        event_name: Name of a Track's event, or of a page or screen.
        received: Time of receipt; times are in microseconds since 1970.
        sent: Time of sending by the client's clock.
        original: Time of the event by the client's clock.
        timestamp: Time of the event.
        user_id: User id.
        anonymous_id: Anonymous id.
        payload: The call as JSON, shaped like an archived one.
        sha256: Digest, in hex, of the JSON as it came.
        item_no: Place in its batch from 1; 0 outside of one.
        context: Its context, if any.
        body: Its traits or properties, if any.
    """

    message_id: str
    kind: str
    event_name: str | None
    received: int
    sent: int | None
    original: int
    timestamp: int
    user_id: str | None
    anonymous_id: str | None
    payload: bytes
    sha256: str
    item_no: int
    context: dict[str, Any] | None
    body: dict[str, Any] | None


class Rejected(Exception):  # noqa: N818 - it is an outcome, not a fault
    """A call that does not land.

    Attributes:
        reason: One of `REASONS`.
        detail: What about it.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail or REASONS[reason]


class CallReader:
    """Turns lines into calls.

    Args:
        now: What the clock says, in microseconds: the time of receipt of calls that have none.
        loaded: Time of the load: nothing was received more than a day after it.
        strict: Reject what Segment's Unify drops silently.
        accept: Takes each accepted call.
        reject: Takes the JSON of each rejected call, its place in its batch, reason and detail.
        notice: Takes the code of a notice and the field concerned, for each call that lands with one.
        suppressed: Whether nothing of a user's calls may land; None: nobody is suppressed.
    """

    def __init__(
        self,
        *,
        now: int,
        loaded: int,
        strict: bool,
        accept: Callable[[Call], None],
        reject: Callable[[bytes, int, str, str], None],
        notice: Callable[[str, str | None], None],
        suppressed: Callable[[str], bool] | None = None,
    ) -> None:
        self._now = now
        self._loaded = loaded
        self._strict = strict
        self._accept = accept
        self._reject = reject
        self._notice = notice
        self._suppressed = suppressed
        # Of the call being read: one that is rejected leaves no notices.
        self._noted: list[tuple[str, str | None]] = []
        # Of the line being read; told with the first of its calls that lands.
        self._noted_of_line: list[str] = []

    def read(self, line: bytes) -> None:
        """Read one line, stripped of white space at its ends."""
        source = line
        try:
            # Neither Postgres nor Redshift can hold U+0000 in a text.
            if b"\\u0000" in line:
                line = _mended(line)
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                line = _mended(line)
                document = _loads_again(line, source, error)
            if type(document) is not dict:
                raise Rejected("invalid_json", "the line is JSON, but no object")
            if (b"e-" in line or b"E-" in line or len(line) > _DECIMALS) and _has_tiny_number(line):
                raise Rejected("invalid_json", f"a number has more than {_DECIMALS} decimals")
            self._noted_of_line = ["unstorable_character"] if line is not source else []
            if _may_repeat_a_key(line, document) and (single := _with_last_keys(line)) is not line:
                line = single
                self._noted_of_line.append("duplicate_key")
            document = _with_rounded(document, line)
            if type(document.get("batch")) is list:
                self._batch(document, line)
                return
            self._call(document, line, source, 0)
        except Rejected as rejected:
            self._reject(source, 0, rejected.reason, rejected.detail)
        except RecursionError:
            self._reject(source, 0, "invalid_json", _TOO_DEEP)

    def _batch(self, document: dict[str, Any], line: bytes) -> None:
        items = document["batch"]
        if len(line) > BATCH_BYTES:
            raise Rejected("batch_too_large", f"{len(line)} bytes; {BATCH_BYTES} are allowed")
        if len(items) > BATCH_ITEMS:
            raise Rejected("batch_too_large", f"{len(items)} calls; {BATCH_ITEMS} are allowed")
        members = _decode_members(line)
        shared = {name: members[name] for name in ("context", "integrations") if type(document.get(name)) is dict}
        if type(document.get("sentAt")) is str:
            shared["sentAt"] = members["sentAt"]
        for item_no, (raw, item) in enumerate(zip(_decode_items(members["batch"]), items, strict=True), 1):
            source = bytes(raw)
            try:
                if type(item) is not dict:
                    raise Rejected("invalid_json", "the item of the batch is no object")
                if shared:
                    payload = _encode(_with_shared(_decode_members(source), shared))
                    self._call(read_document(payload), payload, source, item_no)
                else:
                    self._call(item, source, source, item_no)
            except Rejected as rejected:
                self._reject(source, item_no, rejected.reason, rejected.detail)
            except RecursionError:
                self._reject(source, item_no, "invalid_json", _TOO_DEEP)

    def _call(self, call: dict[str, Any], payload: bytes, source: bytes, item_no: int) -> None:
        get = call.get
        self._noted = []
        archived = get("receivedAt") is not None
        # First of all: of a suppressed user's call not even a reject is kept.
        if self._suppressed is not None and type(get("userId")) in (str, int) and self._suppressed(str(get("userId"))):
            raise Rejected(SUPPRESSED)

        kind = get("type")
        if type(kind) is not str or kind not in EVENT_TYPE_TABLES:
            raise Rejected("invalid_type", "`type` is missing" if kind is None else f"`type` is {_short(kind)}")
        user_id = get("userId")
        if type(user_id) is not str or not user_id or user_id.isspace():
            user_id = self._identifier("userId", user_id, payload)
        anonymous_id = get("anonymousId")
        if type(anonymous_id) is not str or not anonymous_id or anonymous_id.isspace():
            anonymous_id = self._identifier("anonymousId", anonymous_id, payload)
        if user_id is None and (anonymous_id is None or kind == "alias"):
            raise Rejected("no_user_anon_id", "an Alias without `userId`" if kind == "alias" else "")
        event_name = None
        if kind == "track":
            event_name = get("event")
            if type(event_name) is not str or not event_name or event_name.isspace():
                raise Rejected("missing_event_name")
        elif kind in ("page", "screen"):
            event_name = get("name")
            for name in ("name", "category"):
                if type(get(name)) is dict:
                    self._noted.append(("bad_text", name))
            if type(event_name) is not str or not event_name or event_name.isspace():
                event_name = None
        if not archived and len(source) > CALL_BYTES:
            raise Rejected("payload_too_large", f"{len(source)} bytes; {CALL_BYTES} are allowed")

        message_id = get("messageId")
        generated = False
        if type(message_id) is not str or not message_id or message_id.isspace():
            message_id = self._identifier("messageId", message_id, payload)
            if generated := message_id is None:
                message_id = _generated_id(source, item_no)
                self._noted.append(("message_id_generated", None))
        if len(message_id) > MESSAGE_ID_CHARACTERS:
            raise Rejected("message_id_too_long", f"{len(message_id)} characters")

        for name in ("context", BODY[kind]):
            if get(name) is not None and type(get(name)) is not dict:
                self._noted.append(("bad_container", name))
        found = containers(kind, call)
        context, body = found.get("context"), found.get(BODY[kind])
        group_id = get("groupId")
        if kind == "group":
            group_id = self._text_or_identifier("groupId", group_id, payload)
        elif kind == "alias":
            self._text_or_identifier("previousId", get("previousId"), payload)
        if self._strict:
            self._check_limits(kind, group_id, context, body)

        if archived:
            received, sent, original, timestamp = self._archived_times(call)
        else:
            received, sent, original, timestamp, filled = self._filled_times(call)
            if generated:
                filled["messageId"] = message_id
            payload = _filled(payload, filled)
        if not 0 <= received <= self._loaded + timestamps.DAY:
            raise Rejected("received_at_out_of_range", f"received {timestamps.iso(received)}")
        if timestamp < 0:
            raise Rejected("timestamp_before_epoch", f"dated {timestamps.iso(timestamp)}")

        for code in self._noted_of_line:
            self._notice(code, None)
        self._noted_of_line = []
        for code, field in self._noted:
            self._notice(code, field)
        if b"\\ud" in payload or b"\\uD" in payload:
            payload = _with_whole_characters(payload)
        self._accept(
            Call(
                message_id,
                kind,
                event_name,
                received,
                sent,
                original,
                timestamp,
                user_id,
                anonymous_id,
                payload,
                hashlib.sha256(source).hexdigest(),
                item_no,
                context,
                body,
            )
        )

    def _text_or_identifier(self, name: str, value: object, payload: bytes) -> str | None:
        if type(value) is str and value and not value.isspace():
            return value
        return self._identifier(name, value, payload)

    def _identifier(self, name: str, value: object, payload: bytes) -> str | None:
        """Return an id that is no ordinary text: an integer as decimal text, anything else as absent."""
        if value is None or type(value) is str:
            return None
        if type(value) is int:
            return str(value)
        if type(value) is float:
            # An integer beyond 64 bits was read as a float.
            text = bytes(_decode_members(payload)[name]).decode()
            if text.lstrip("-").isdigit():
                return text
        self._noted.append(("bad_identifier", name))
        return None

    def _check_limits(
        self, kind: str, group_id: object, context: dict[str, Any] | None, body: dict[str, Any] | None
    ) -> None:
        if kind == "group" and group_id is None:
            raise Rejected("missing_group_id")
        context_group_id = context.get("groupId") if context else None
        if context_group_id == "" and kind == "track":
            raise Rejected("empty_context_group_id")
        for value in (group_id, context_group_id):
            if type(value) is str and len(value) > GROUP_ID_CHARACTERS:
                raise Rejected("group_id_too_long", f"{len(value)} characters")
        if body is None:
            return
        if kind == "identify":
            if len(body) > IDENTIFY_TRAITS:
                raise Rejected("too_many_traits", f"{len(body)} traits")
        elif len(body) > PROPERTIES:
            raise Rejected("too_many_properties", f"{len(body)} {BODY[kind]}")

    def _times(self, call: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
        """Return `sentAt`, `originalTimestamp` and `timestamp`; one that cannot be read is absent, and noted."""
        get, parse = call.get, timestamps.parse
        times = parse(get("sentAt")), parse(get("originalTimestamp")), parse(get("timestamp"))
        if None in times:
            for name, moment in zip(("sentAt", "originalTimestamp", "timestamp"), times, strict=True):
                if moment is None and get(name) is not None:
                    self._noted.append(("invalid_timestamp", name))
        return times

    def _archived_times(self, call: dict[str, Any]) -> tuple[int, int | None, int, int]:
        received = timestamps.parse(call["receivedAt"])
        if received is None:
            raise Rejected("invalid_received_at", f"`receivedAt` is {_short(call['receivedAt'])}")
        sent, original, timestamp = self._times(call)
        if timestamp is None:
            timestamp = received if original is None else timestamps.corrected(received, sent, original)
        return received, sent, timestamp if original is None else original, timestamp

    def _filled_times(self, call: dict[str, Any]) -> tuple[int, int | None, int, int, dict[str, str]]:
        """Return the four times of a call that was not archived, and what of them its payload lacks."""
        received = self._now
        sent, original, given = self._times(call)
        filled = {"receivedAt": timestamps.iso(received)}
        if original is None:
            original = received if given is None else given
            filled["originalTimestamp"] = timestamps.iso(received) if given is None else call["timestamp"]
            timestamp = received if given is None else timestamps.corrected(received, sent, given)
        elif given is None:
            timestamp = timestamps.corrected(received, sent, original)
        else:
            return received, sent, original, given, filled
        filled["timestamp"] = timestamps.iso(timestamp)
        return received, sent, original, timestamp, filled


def _mended(line: bytes) -> bytes:
    """Return a line with U+FFFD for the escapes that no warehouse stores: U+0000 and halves of surrogate pairs."""
    result = _ESCAPES.sub(lambda match: b"\\ufffd" if len(match[0]) == 6 else match[0], line)
    return line if result == line else result


def _with_whole_characters(payload: bytes) -> bytes:
    """Return a payload with characters for surrogate pairs of escapes: BigQuery reads each half of one as U+FFFD."""
    return _ESCAPES.sub(
        lambda match: orjson.loads(b'"%b"' % match[0]).encode() if len(match[0]) == 12 else match[0], payload
    )


def _may_repeat_a_key(line: bytes, document: Any) -> bool:
    """Whether an object in a line may have a key twice; False is certain.

    Engines differ in which of the two they find. Written out again, a document has fewer quotes when a key was lost, and
    only then: nothing else that may be written in two ways has a quote, but for the escape that stands for one.
    """
    try:
        return orjson.dumps(document).count(b'"') != line.count(b'"') or b"\\u0022" in line
    except orjson.JSONEncodeError:
        # Nested deeper than it writes.
        return True


def _with_last_keys(line: bytes) -> bytes:
    """Return a line in which of equal keys in one object only the last is left; the line itself where there are none."""
    # Of each open object: its members so far with their places, the key of the one being read, and that key's place.
    objects: list[tuple[dict[str, tuple[int, int]], list[Any]] | None] = []
    lost: list[tuple[int, int]] = []
    for token in _STRING_OR_SIGN.finditer(line):
        sign = token[0][:1]
        if sign == b"{":
            objects.append(({}, [None, 0]))
        elif sign == b"[":
            objects.append(None)
        elif sign in b"}]":
            objects.pop()
        elif objects and (found := objects[-1]) is not None:
            members, current = found
            if sign == b",":
                members[current[0]] = (current[1], token.end())
                current[0] = None
            elif current[0] is None:
                key = orjson.loads(token[0])
                if key in members:
                    lost.append(members[key])
                current[:] = [key, token.start()]
    if not lost:
        return line
    parts, end = [], 0
    for start, stop in sorted(lost):
        if start >= end:
            parts.append(line[end:start])
        end = max(end, stop)
    return b"".join((*parts, line[end:]))


def _loads_again(line: bytes, source: bytes, error: orjson.JSONDecodeError) -> Any:
    if line is source:
        raise Rejected("invalid_json", str(error)) from error
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as second:
        raise Rejected("invalid_json", str(second)) from second


def read_document(line: bytes) -> Any:
    """Return what a line of JSON says, in which decimals that no float equals are told apart.

    Raises:
        orjson.JSONDecodeError: It is no JSON.
    """
    document = orjson.loads(line)
    return _with_rounded(document, line) if type(document) is dict else document


def containers(kind: str, call: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the objects of a call that make columns, by container: `context`, and `traits` or `properties`."""
    found = {name: call[name] for name in ("context", BODY[kind]) if type(call.get(name)) is dict}
    if kind == "identify" and "traits" not in found:
        # Some clients put an Identify's traits there and nowhere else.
        traits = found.get("context", {}).get("traits")
        if type(traits) is dict:
            found["traits"] = traits
    return found


def _with_rounded(document: dict[str, Any], line: bytes) -> dict[str, Any]:
    """Return a line's document, in which decimals that no float equals are told apart."""
    if not any(map(_is_rounded, _long_decimals(line))):
        return document
    try:
        result: dict[str, Any] = json.loads(line, parse_float=_float, parse_int=_integer)
    except RecursionError:
        # It takes fewer levels than orjson.
        return document
    return result


def _long_decimals(line: bytes) -> Iterator[str]:
    """Yield the decimals of a line that may have more digits than a float, without sign; also from within strings."""
    for point in _MAYBE_LONG.finditer(line):
        start = point.start()
        before = line[max(0, start - _WHOLE_DIGITS) : start]
        whole = before[len(before.rstrip(b"0123456789")) :]
        if whole and (fraction := _FRACTION.match(line, start)):
            yield (whole + fraction[0]).decode()


def _float(digits: str) -> float:
    return RoundedFloat(digits) if _is_rounded(digits) else float(digits)


def _is_rounded(digits: str) -> bool:
    """Whether a decimal is neither its float nor the shortest way to write it; those beyond 64 bits are looked for elsewhere."""
    if len(digits) <= _SHORT:
        return False
    number = float(digits)
    if repr(number) == digits or not -_BEYOND < number < _BEYOND:
        return False
    try:
        return Decimal(digits) not in (Decimal(repr(number)), Decimal(number))
    except InvalidOperation:
        # Zero, with an exponent of more digits than it takes.
        return False


def _integer(digits: str) -> int | float:
    """Return what orjson makes of an integer: beyond 64 bits a float."""
    number: int | float = int(digits) if len(digits) <= _INTEGER_CHARACTERS else orjson.loads(digits)
    return number


def _has_tiny_number(line: bytes) -> bool:
    if _MAYBE_TINY.search(line) is None:
        return False
    for token in _STRING_OR_NUMBER.finditer(line):
        # Within twenty digits an exponent says enough.
        exponent = int(token[2][:20]) if token[2] else 0
        if len(token[1] or b"") - exponent > _DECIMALS:
            return True
    return False


def _generated_id(source: bytes, item_no: int) -> str:
    # The place keeps equal items of one batch apart.
    place = f"#{item_no}".encode() if item_no else b""
    return f"gen-{hashlib.sha256(source + place).hexdigest()[:32]}"


def _filled(payload: bytes, values: dict[str, str]) -> bytes:
    members = _decode_members(payload)
    members.update((name, msgspec.Raw(orjson.dumps(value))) for name, value in values.items())
    return _encode(members)


def _with_shared(members: _Members, shared: _Members) -> _Members:
    """Return a batch's item with the batch's context, integrations and `sentAt`; the item's own keys win."""
    merged = dict(members)
    for name, value in shared.items():
        own = members.get(name)
        if name == "sentAt":
            if own is None or bytes(own) == b"null":
                merged[name] = value
        else:
            merged[name] = value if own is None or not _is_object(own) else _merged(value, own)
    return merged


def _merged(outer: msgspec.Raw, inner: msgspec.Raw) -> msgspec.Raw:
    result = _decode_members(outer)
    for name, own in _decode_members(inner).items():
        theirs = result.get(name)
        result[name] = _merged(theirs, own) if theirs is not None and _is_object(theirs) and _is_object(own) else own
    return msgspec.Raw(_encode(result))


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(raw).startswith(b"{")


def _encode(members: _Members) -> bytes:
    return b"{%b}" % b",".join(b"%b:%b" % (orjson.dumps(name), bytes(raw)) for name, raw in members.items())


def _short(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = orjson.dumps(value, default=float).decode()
    return text if len(text) <= 80 else f"{text[:80]}…"
