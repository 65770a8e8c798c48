-- A returned row means: an event type table has a call twice, or one without what every call has. Here and not beside the descriptions: those
-- are read from the home, and dbt would write a test that it compiles into the file that describes it.
{%- for name in profiles_sync.call_types() %}
select '{{ name }}' as subject, id from {{ ref(name) }}
group by id
having id is null
  or count(*) > 1
  {%- for column in ['event_source_id', 'received_at', 'timestamp', 'uuid_ts'] + (['event', 'event_text'] if name == 'tracks' else []) %}
  or count({{ profiles_sync.quote_column(column) }}) < count(*)
  {%- endfor %}
{{ 'union all' if not loop.last }}
{%- endfor %}
