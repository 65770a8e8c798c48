"""Landed events of a made-up site, written by the database itself: people with devices, sign-ins, kiosks, bots, shared addresses.

One event in six brings a new person, so the site grows steadily and every slice of it looks like the one before. People are more active
while they are new; most have one device, some many. 1 % of the events come from kiosks, 0.2 % from bots, a few carry a placeholder
address. A thousand events have about 400 identifiers, in as many different sets. About 0.5 KB a call.
"""

from __future__ import annotations

_PAGE = (
    '"context":{"ip":"203.0.113.7","locale":"en-US","library":{"name":"analytics.js","version":"4.1.0"},'
    '"page":{"path":"/catalog","referrer":"https://example.com/","search":"","title":"Catalog","url":"https://example.com/catalog"},'
    '"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"}'
)


def _unit(salt: int) -> str:
    """A number in [0, 1) drawn by i and a salt, the same on every engine: two steps of a linear congruential generator."""
    step = f"((i * 48271 + {salt * 7919 + 13}) % 2147483647)"
    return f"((({step} * 69621 + {salt * 104729 + 7}) % 2147483647) / 2147483647.0)"


def identifiers_query(numbers: str) -> str:
    """Select the calls of a site: `i`, `type`, `user_id`, `anonymous_id`, `email` (NULL for none).

    Args:
        numbers: Subquery or table function whose rows are event numbers in a column `i`.
    """
    return f"""
      select
        i,
        case when kind < 0.15 then 'identify' when kind < 0.55 then 'page' else 'track' end as type,
        case
          when place < 0.002 then concat('robot_', cast(floor({_unit(7)} * i) as bigint))
          when place < 0.012 then concat('user_', cast(floor({_unit(10)} * i / 6) as bigint))
          when signed < 0.45 then concat('user_', person)
        end as user_id,
        case
          when place < 0.002 then concat('b07b07b0-0000-4000-8000-', cast(floor({_unit(8)} * (i / 200000 + 1)) as bigint))
          when place < 0.012 then concat('c105c105-0000-4000-8000-', cast(floor({_unit(9)} * (i / 20000 + 1)) as bigint))
          else concat('a1b2c3d4-5e6f-4a7b-8c9d-', person, 'x', device)
        end as anonymous_id,
        case
          when kind >= 0.15 then null
          when place between 0.5 and 0.501 then 'test@test.com'
          when mail < 0.6 then concat('person.', person, '@example.com')
          when mail < 0.64 then concat('person.', person, '@work.example.org')
        end as email
      from (
        select
          i,
          {_unit(1)} as place,
          {_unit(2)} as kind,
          {_unit(3)} as signed,
          {_unit(4)} as mail,
          cast(floor((1 - power({_unit(5)}, 1.6)) * i / 6) as bigint) as person,
          cast(floor(power({_unit(6)}, 40) * 40) as bigint) as device
        from {numbers}
      ) as drawn
    """


def raw_events_query(numbers: str, json_type: str) -> str:
    """Select landed rows for `raw_events`, in the order of its columns that are not NULL here (`COLUMNS`)."""
    arrival = "(timestamp '2025-01-01 00:00:00' + i * interval '250 milliseconds')"
    return f"""
      select
        i, 'load', cast({arrival} as date), 'site', concat('0f5b6c1e-7d2a-4b3c-', i), type, {arrival}, {arrival}, user_id, anonymous_id,
        cast(concat(
          '{{"type":"', type, '","messageId":"0f5b6c1e-7d2a-4b3c-', i, '","anonymousId":"', anonymous_id, '",',
          case when user_id is not null then concat('"userId":"', user_id, '",') else '' end,
          case when email is not null then concat('"traits":{{"email":"', email, '","plan":"pro"}},') else '' end,
          '{_PAGE}}}'
        ) as {json_type}),
        {arrival} + interval '1 hour'
      from ({identifiers_query(numbers)}) as calls
    """


COLUMNS = "event_no, load_id, landed_on, source_id, message_id, type, received_at, timestamp, user_id, anonymous_id, payload, loaded_at"
