-- A returned row means: an event type table lacks processed calls that it should have by now, or has more than these.
{%- set opted_out = profiles_sync.setting_periods('honor_warehouse_opt_out') | selectattr('value') | list %}
{%- for table, call_type in profiles_sync.call_types().items() %}
select '{{ table }}' as subject, expected.n as expected, found.n as found
from (
  select count(*) as n
  from {{ ref('stg_events') }} as events
  inner join {{ source('staging', 'identity_events') }} as outcomes on outcomes.event_no = events.event_no
  where outcomes.outcome = 'processed' and events.type = '{{ call_type }}'
    and {{ profiles_sync.is_due(table, 'events') }}
) as expected
cross join (select count(*) as n from {{ ref(table) }}) as found
where found.n > expected.n {{ 'or found.n < expected.n' if not opted_out }}
{{ 'union all' if not loop.last }}
{%- endfor %}
