{{ config(materialized='identity_resolution', schema='staging', full_refresh=false, meta={'sync_group': none}) }}
-- depends_on: {{ ref('stg_events') }}
-- depends_on: {{ profiles_sync.rule_seed('identity_rules') }}
-- depends_on: {{ profiles_sync.rule_seed('blocked_values') }}
select
  cast('' as {{ profiles_sync.column_type('id') }}) as sync_id,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as from_event_no,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as to_event_no,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as clock_ms,
  cast(0 as {{ profiles_sync.column_type('int') }}) as settings_version,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as events,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as duplicates,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as filtered,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as profiles_created,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as profiles_merged,
  cast(0 as {{ profiles_sync.column_type('bigint') }}) as violations,
  cast(null as {{ profiles_sync.column_type('timestamp') }}) as uuid_ts
