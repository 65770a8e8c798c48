{{ config(
  materialized='current_state',
  meta={'deletes': true},
  unique_key=['external_id_hash', 'external_id_type', 'external_id_value'],
  indexes=[['canonical_segment_id']]
) }}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  {{ profiles_sync.external_id_hash('changed') }} as external_id_hash,
  changed.canonical_segment_id,
  changed.external_id_type,
  changed.external_id_value,
  {{ profiles_sync.first_written('events', 'present', 'timestamp') }} as {{ profiles_sync.quote_column('timestamp') }},
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  case changed.operation when 'REMOVED' then 'delete' else 'upsert' end as _action
from {{ profiles_sync.changed_identifiers(slice) }} as changed
{{ profiles_sync.join_mapping_event(slice, 'changed') }}
{%- if profiles_sync.is_built() %}
left join {{ this }} as present
  on present.external_id_hash = {{ profiles_sync.external_id_hash('changed') }}
  and present.external_id_type = changed.external_id_type
  and present.external_id_value = changed.external_id_value
{%- endif %}
