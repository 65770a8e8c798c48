-- A returned row means: a key of a table of traits comes twice, or a row lacks what every row has. Here and not beside the descriptions, for
-- the reason of event_type_tables_have_one_row_per_call.
{{ profiles_sync.key_violations(
  'profile_traits_updates',
  ['id', 'seq', 'triggering_event_id'],
  ['segment_id', 'uuid_ts', 'timestamp', 'received_at', 'triggering_event_type', 'triggering_event_source_id'],
) }}
union all
{{ profiles_sync.key_violations('profile_traits', ['canonical_segment_id'], ['uuid_ts', 'etl_ts']) }}
