{{ config(
  materialized='append_events',
  schema='staging',
  unique_key=['event_no', 'raw_path'],
  indexes=[['profile_no']],
  meta={'dagster': {'group': 'staging'}, 'sync_group': none}
) }}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  writes.event_no,
  writes.raw_path,
  outcome.profile_no,
  outcome.clock_ms,
  writes.received_at,
  writes.{{ profiles_sync.quote_column('timestamp') }},
  {{ profiles_sync.write_key('writes') }} as write_key,
  writes.value
from {{ profiles_sync.trait_writes(slice) }} as writes
inner join {{ profiles_sync.contract_relation('identity_events') }} as outcome
  on outcome.event_no = writes.event_no
  and outcome.event_no > {{ slice.after }}
  and outcome.event_no <= {{ slice.upto }}
  and outcome.outcome = 'processed'
where outcome.profile_no is not null
