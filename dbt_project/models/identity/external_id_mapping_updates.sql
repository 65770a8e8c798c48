{{ config(materialized='append_events', unique_key=['id'], indexes=[['external_id_hash'], ['segment_id']]) }}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  {{ profiles_sync.row_id('external_id_mapping_updates', [profiles_sync.seq('changes')]) }} as id,
  {{ profiles_sync.external_id_hash('changes') }} as external_id_hash,
  changes.external_id_type,
  changes.external_id_value,
  profiles.segment_id,
  events.message_id as triggering_event_id,
  events.type as triggering_event_type,
  events.event_name as triggering_event_name,
  events.source_id as triggering_event_source_id,
  events.source_name as triggering_event_source_name,
  events.source_slug as triggering_event_source_slug,
  coalesce(events.{{ profiles_sync.quote_column('timestamp') }}, actions.requested_at) as {{ profiles_sync.quote_column('timestamp') }},
  coalesce(events.received_at, actions.requested_at) as received_at,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  {{ profiles_sync.seq('changes') }} as seq,
  changes.operation as {{ profiles_sync.quote_column('__operation') }}
from {{ profiles_sync.contract_relation('identity_mapping_log') }} as changes
left join {{ ref('profiles_sync', 'stg_events') }} as events
  on events.event_no = changes.event_no and events.event_no > {{ slice.after }} and events.event_no <= {{ slice.upto }}{{ profiles_sync.landing_days('events', slice) }}
left join {{ profiles_sync.contract_relation('identity_actions') }} as actions
  on actions.event_no = changes.event_no and changes.operation = 'REMOVED'
inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles on profiles.profile_no = changes.stamp_no
where {{ profiles_sync.in_slice(slice, 'changes') }} and {{ profiles_sync.is_not_erased('changes.identifier_key') }}
