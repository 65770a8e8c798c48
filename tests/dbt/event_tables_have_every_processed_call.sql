-- A returned row means: an event type table lacks processed calls that are not above its watermark, or has more than these.
{%- for table, call_type in profiles_sync.call_types().items() %}
select '{{ table }}' as subject, expected.n as expected, found.n as found
from (
  select count(*) as n
  from {{ ref('stg_events') }} as events
  inner join {{ source('staging', 'identity_events') }} as outcomes on outcomes.event_no = events.event_no
  where outcomes.outcome = 'processed' and events.type = '{{ call_type }}'
    and events.event_no <= (
      select max(states.last_event_no) from {{ source('ops', 'table_state') }} as states where states.table_name = '{{ table }}'
    )
) as expected
cross join (select count(*) as n from {{ ref(table) }}) as found
where expected.n <> found.n
{{ 'union all' if not loop.last }}
{%- endfor %}
