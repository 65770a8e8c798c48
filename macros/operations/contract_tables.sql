{#- The tables that the parts share (docs/contracts.md): name -> schema part and columns with their logical types.
    `rebuilt` ones are replayed by a rebuild, the others kept. -#}
{% macro contract_tables() %}
  {%- set tables = {
    'raw_events': {'part': 'staging', 'key': ['event_no'], 'partition': 'landed_on', 'columns': [
      ('event_no', 'bigint'), ('load_id', 'id'), ('landed_on', 'date'), ('source_id', 'text'), ('source_name', 'text'),
      ('source_slug', 'text'), ('message_id', 'id'), ('type', 'id'), ('event_name', 'text'), ('event_slug', 'text'),
      ('received_at', 'timestamp'), ('sent_at', 'timestamp'), ('original_timestamp', 'timestamp'), ('timestamp', 'timestamp'),
      ('user_id', 'text'), ('anonymous_id', 'text'), ('payload', 'json'), ('payload_sha256', 'id'), ('file_name', 'text'),
      ('file_row', 'bigint'), ('item_no', 'int'), ('loaded_at', 'timestamp')]},

    'identity_events': {'part': 'staging', 'rebuilt': true, 'key': ['event_no'], 'columns': [
      ('event_no', 'bigint'), ('outcome', 'id'), ('clock_ms', 'bigint'), ('stamp_no', 'bigint'), ('profile_no', 'bigint')]},
    'seen_messages': {'part': 'staging', 'rebuilt': true, 'key': ['message_key'], 'columns': [
      ('message_key', 'key16'), ('event_no', 'bigint')]},
    'identity_profiles': {'part': 'staging', 'rebuilt': true, 'key': ['profile_no'], 'columns': [
      ('profile_no', 'bigint'), ('segment_id', 'id')]},
    'identity_canonical': {'part': 'staging', 'rebuilt': true, 'key': ['profile_no'], 'indexes': [['canonical_no']], 'columns': [
      ('profile_no', 'bigint'), ('canonical_no', 'bigint')]},
    'identity_graph_log': {'part': 'staging', 'rebuilt': true, 'key': ['event_no', 'row_no'], 'indexes': [['profile_no']], 'columns': [
      ('event_no', 'bigint'), ('row_no', 'int'), ('clock_ms', 'bigint'), ('profile_no', 'bigint'), ('canonical_no', 'bigint')]},
    'identity_mapping_log': {'part': 'staging', 'rebuilt': true, 'key': ['event_no', 'row_no'],
      'indexes': [['identifier_key'], ['profile_no']], 'columns': [
      ('event_no', 'bigint'), ('row_no', 'int'), ('clock_ms', 'bigint'), ('identifier_key', 'key16'), ('external_id_type', 'text'),
      ('external_id_value', 'text'), ('profile_no', 'bigint'), ('stamp_no', 'bigint'), ('operation', 'id')]},

    'schema_version': {'part': 'ops', 'key': ['version'], 'columns': [('version', 'int'), ('applied_at', 'timestamp')]},
    'settings_history': {'part': 'ops', 'key': ['version'], 'columns': [
      ('version', 'int'), ('from_event_no', 'bigint'), ('settings', 'text'), ('origin', 'id'), ('recorded_at', 'timestamp')]},
    'identity_actions': {'part': 'ops', 'key': ['action_id'], 'columns': [
      ('action_id', 'id'), ('action', 'id'), ('external_id_type', 'text'), ('external_id_value', 'text'), ('requested_at', 'timestamp'),
      ('event_no', 'bigint'), ('load_id', 'id')]},
    'privacy_requests': {'part': 'ops', 'key': ['request_id'], 'columns': [
      ('request_id', 'id'), ('action', 'id'), ('user_id_hash', 'id'), ('salt', 'id'), ('status', 'id'), ('events', 'bigint'),
      ('requested_at', 'timestamp'), ('finished_at', 'timestamp')]},
    'erased_events': {'part': 'ops', 'key': ['event_no'], 'columns': [('event_no', 'bigint'), ('segment_id', 'id'), ('kind', 'id')]},
    'erased_identifiers': {'part': 'ops', 'key': ['event_no', 'rank_no'], 'indexes': [['identifier_key']], 'columns': [
      ('event_no', 'bigint'), ('rank_no', 'int'), ('external_id_type', 'text'), ('external_id_value', 'text'),
      ('identifier_key', 'key16'), ('hidden', 'int')]},
    'current_sync': {'part': 'ops', 'key': ['sync_id'], 'columns': [('sync_id', 'id'), ('uuid_ts', 'timestamp'), ('consumed', 'int')]},
    'loads': {'part': 'ops', 'key': ['load_id'], 'columns': [
      ('load_id', 'id'), ('first_event_no', 'bigint'), ('last_event_no', 'bigint'), ('events', 'bigint'), ('rejected', 'bigint'),
      ('files', 'bigint'), ('started_at', 'timestamp'), ('loaded_at', 'timestamp')]},
    'landed_files': {'part': 'ops', 'key': ['file_path', 'etag'], 'columns': [
      ('file_path', 'text'), ('etag', 'text'), ('size_bytes', 'bigint'), ('rows_read', 'bigint'), ('rows_landed', 'bigint'),
      ('rows_rejected', 'bigint'), ('status', 'id'), ('detail', 'text'), ('load_id', 'id'), ('landed_at', 'timestamp')]},
    'rejected_events': {'part': 'ops', 'key': ['load_id', 'file_name', 'file_row', 'item_no'], 'columns': [
      ('load_id', 'id'), ('file_name', 'text'), ('file_row', 'bigint'), ('item_no', 'int'), ('reason', 'id'), ('detail', 'text'),
      ('payload_text', 'text'), ('rejected_at', 'timestamp')]},
    'notices': {'part': 'ops', 'key': [], 'columns': [
      ('sync_id', 'id'), ('notice', 'id'), ('table_name', 'text'), ('column_name', 'text'), ('occurrences', 'bigint'),
      ('detail', 'text'), ('noticed_at', 'timestamp')]},
    'column_registry': {'part': 'ops', 'key': ['table_name', 'raw_path'], 'columns': [
      ('table_name', 'text'), ('column_name', 'text'), ('raw_path', 'text'), ('data_type', 'id'), ('path_rank', 'int'), ('status', 'id'),
      ('misfits', 'bigint'), ('first_load_id', 'id'), ('first_event_no', 'bigint'), ('updated_load_id', 'id')]},
    'event_registry': {'part': 'ops', 'key': ['table_name'], 'columns': [
      ('table_name', 'text'), ('kind', 'id'), ('event_names', 'text'), ('first_event_no', 'bigint'), ('last_event_no', 'bigint')]},
    'landed_tables': {'part': 'ops', 'key': ['load_id', 'table_name'], 'columns': [
      ('load_id', 'id'), ('table_name', 'text'), ('events', 'bigint'), ('first_event_no', 'bigint'), ('last_event_no', 'bigint')]},
    'rebuild_swap': {'part': 'ops', 'key': ['started_at'], 'columns': [('with_current_rules', 'int'), ('started_at', 'timestamp')]},
    'table_state': {'part': 'ops', 'rebuilt': true, 'key': ['table_name'], 'columns': [
      ('table_name', 'text'), ('last_event_no', 'bigint'), ('received_from', 'timestamp'), ('uuid_ts', 'timestamp')]},
    'backfill_boundaries': {'part': 'ops', 'key': [], 'columns': [
      ('table_name', 'text'), ('received_from', 'timestamp'), ('recorded_at', 'timestamp')]},
    'identity_violations': {'part': 'ops', 'rebuilt': true, 'key': ['id'], 'columns': [
      ('id', 'id'), ('message_id', 'id'), ('event_no', 'bigint'), ('violation', 'id'), ('external_id_type', 'text'),
      ('external_id_value', 'text'), ('limit_value', 'bigint'), ('limit_window', 'id'), ('resolved_segment_id', 'id'),
      ('uuid_ts', 'timestamp')]},
    'sync_runs': {'part': 'ops', 'key': ['run_id'], 'columns': [
      ('run_id', 'id'), ('space_id', 'text'), ('warehouse', 'id'), ('status', 'id'), ('started_at', 'timestamp'),
      ('finished_at', 'timestamp'), ('duration_s', 'float'), ('duration_minutes', 'bigint'), ('rows_synced', 'bigint'),
      ('rows_identity_graph', 'bigint'), ('rows_event_type', 'bigint'), ('rows_event', 'bigint'), ('events_read', 'bigint'),
      ('events_rejected', 'bigint'), ('events_duplicate', 'bigint'), ('events_filtered', 'bigint'), ('profiles_created', 'bigint'),
      ('profiles_merged', 'bigint'), ('violations', 'bigint'), ('load_ids', 'text'), ('error_code', 'id'), ('error_message', 'text'),
      ('preparation_s', 'float'), ('loading_s', 'float'), ('next_sync_at', 'timestamp'), ('version', 'id')]},
    'sync_run_tables': {'part': 'ops', 'key': ['run_id', 'table_name'], 'columns': [
      ('run_id', 'id'), ('table_name', 'text'), ('group_name', 'id'), ('rows_inserted', 'bigint'), ('rows_updated', 'bigint'),
      ('rows_deleted', 'bigint'), ('new_columns', 'text'), ('notices', 'bigint'), ('status', 'id'), ('error_message', 'text')]},
  } -%}
  {{- return(tables) -}}
{% endmacro %}
