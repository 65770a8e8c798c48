-- A returned row means: an event type table has a call twice, or one without what every call has. Here and not beside the descriptions: those
-- are read from the home, and dbt would write a test that it compiles into the file that describes it.
{%- for name in profiles_sync.call_types() %}
{{ profiles_sync.key_violations(
  name,
  ['id'],
  ['event_source_id', 'received_at', 'timestamp', 'uuid_ts'] + (['event', 'event_text'] if name == 'tracks' else []),
) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
