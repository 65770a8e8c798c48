{{ config(materialized='append_events', unique_key=['id'], indexes=[['segment_id'], ['seq']]) }}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  {{ profiles_sync.row_id('id_graph_updates', [profiles_sync.seq('changes')]) }} as id,
  profiles.segment_id,
  canonical.segment_id as canonical_segment_id,
  events.message_id as triggering_event_id,
  events.type as triggering_event_type,
  events.event_name as triggering_event_name,
  events.source_id as triggering_event_source_id,
  events.source_name as triggering_event_source_name,
  events.source_slug as triggering_event_source_slug,
  events.{{ profiles_sync.quote_column('timestamp') }},
  events.received_at,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  {{ profiles_sync.seq('changes') }} as seq
from {{ profiles_sync.contract_relation('identity_graph_log') }} as changes
inner join {{ ref('profiles_sync', 'stg_events') }} as events
  on events.event_no = changes.event_no and events.event_no > {{ slice.after }} and events.event_no <= {{ slice.upto }}{{ profiles_sync.landing_days('events', slice) }}
inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles on profiles.profile_no = changes.profile_no
inner join {{ profiles_sync.contract_relation('identity_profiles') }} as canonical on canonical.profile_no = changes.canonical_no
where {{ profiles_sync.in_slice(slice, 'changes') }}
