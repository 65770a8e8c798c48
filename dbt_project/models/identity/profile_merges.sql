{{ config(materialized='current_state', unique_key='segment_id', indexes=[['canonical_segment_id']]) }}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  {{ profiles_sync.row_id('profile_merges', ['changed.segment_id']) }} as id,
  changed.canonical_segment_id,
  changed.segment_id,
  {{ profiles_sync.seq('changed') }} as seq,
  changed.received_at,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  changed.{{ profiles_sync.quote_column('timestamp') }},
  cast('upsert' as {{ profiles_sync.column_type('id') }}) as _action
from {{ profiles_sync.changed_profiles(slice) }} as changed
