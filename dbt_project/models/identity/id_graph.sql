{{ config(materialized='current_state', unique_key='segment_id', indexes=[['canonical_segment_id']]) }}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  changed.segment_id,
  changed.canonical_segment_id,
  changed.{{ profiles_sync.quote_column('timestamp') }},
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  {{ profiles_sync.seq('changed') }} as seq,
  {{ profiles_sync.now_utc() }} as etl_ts,
  cast('upsert' as {{ profiles_sync.column_type('id') }}) as _action
from {{ profiles_sync.changed_profiles(slice) }} as changed
