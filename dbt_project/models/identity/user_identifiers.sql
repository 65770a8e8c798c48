{{ config(materialized='current_state', unique_key='id', indexes=[['canonical_segment_id']], meta={'deletes': true}) }}
{%- set slice = profiles_sync.event_slice() %}
{%- set id = profiles_sync.row_id('user_identifiers', [profiles_sync.key16_text('changed.identifier_key')]) %}
{{ profiles_sync.slice_header(slice) }}
select
  {{ id }} as id,
  changed.canonical_segment_id,
  changed.external_id_type as type,
  changed.external_id_value as {{ profiles_sync.quote_column('value') }},
  {{ profiles_sync.seq('changed') }} as seq,
  {{ profiles_sync.first_written('events', 'present', 'received_at') }} as received_at,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  {{ profiles_sync.first_written('events', 'present', 'timestamp') }} as {{ profiles_sync.quote_column('timestamp') }},
  case changed.operation when 'REMOVED' then 'delete' else 'upsert' end as _action
from {{ profiles_sync.changed_identifiers(slice) }} as changed
{{ profiles_sync.join_mapping_event(slice, 'changed') }}
{%- if profiles_sync.is_built() %}
left join {{ this }} as present on present.id = {{ id }}
{%- endif %}
