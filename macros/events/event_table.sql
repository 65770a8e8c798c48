{#- The statement of an event table: one of the event type tables, or a track event's by the name of its table. One row per processed
    call; the fixed columns first, then those that the registry gives the table. -#}
{% macro event_table(name) %}
  {%- set call_type = profiles_sync.call_types().get(name, 'track') -%}
  {%- set slice = profiles_sync.event_slice(name) -%}
  {%- set columns = profiles_sync.registered_columns(name) -%}
  {%- set overflow = profiles_sync.registered_paths(name, 'overflow') -%}
  {%- set specific = profiles_sync.specific_columns(call_type) -%}
  {%- set types = profiles_sync.column_types_of(columns) -%}
  {%- if overflow -%} {%- do types.update({'_overflow': 'varchar'}) -%} {%- endif -%}
  {%- set names = [
    'id', 'segment_id', 'event_source_id', 'event_source_name', 'event_source_slug', 'anonymous_id', 'user_id', 'received_at', 'sent_at',
    'timestamp', 'original_timestamp', 'uuid_ts',
  ] + (['event', 'event_text'] if call_type == 'track' else []) + specific | map(attribute='name') | list + types.keys() | list -%}
  {%- set carried = [
    'event_no', 'message_id', 'source_id', 'source_name', 'source_slug', 'anonymous_id', 'user_id', 'received_at', 'sent_at', 'timestamp',
    'original_timestamp', 'event_slug', 'event_name',
  ] -%}
  {%- set condition = 'raw.event_no > ' ~ slice.after ~ ' and raw.event_no <= ' ~ slice.upto ~ " and raw.type = '" ~ call_type ~ "'" -%}
  {%- if call_type == 'track' and name != 'tracks' -%}
    {%- set condition = condition ~ ' and raw.event_slug = ' ~ profiles_sync.text_literal(name) -%}
  {%- endif -%}
{{ profiles_sync.slice_header(slice, types, names) }}
select
  split.message_id as id,
  profile.segment_id,
  split.source_id as event_source_id,
  split.source_name as event_source_name,
  split.source_slug as event_source_slug,
  split.anonymous_id,
  split.user_id,
  split.received_at,
  split.sent_at,
  split.{{ profiles_sync.quote_column('timestamp') }},
  split.original_timestamp,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts
  {%- if call_type == 'track' %},
  split.event_slug as event,
  split.event_name as event_text
  {%- endif %}
  {%- for column in specific + columns %},
  {%- set value = 'split.value_' ~ loop.index0 %}
  {{ profiles_sync.identifier_text(value) if column.type == 'id' else profiles_sync.json_as(value, column.type, column.nested) }} as {{ profiles_sync.quote_column(column.name) }}
  {%- endfor %}
  {%- if overflow %},
  {{ profiles_sync.overflow_text(overflow, specific | length + columns | length) }} as {{ profiles_sync.quote_column('_overflow') }}
  {%- endif %}
from {{ profiles_sync.split_calls(carried, specific + columns + overflow, condition, call_type) }} as split
inner join {{ profiles_sync.contract_relation('identity_events') }} as outcome
  on outcome.event_no = split.event_no
  and outcome.event_no > {{ slice.after }}
  and outcome.event_no <= {{ slice.upto }}
  and outcome.outcome = 'processed'
left join {{ profiles_sync.contract_relation('identity_profiles') }} as profile
  on profile.profile_no = outcome.stamp_no
{% endmacro %}

{#- The model of a track event's table: what dbt must know when it parses, and no text. dbt writes what a model compiles to into a file that
    for a model outside of the project is the model itself; nothing is not written. `append_events` makes the statement. -#}
{% macro track_event() %}
  {%- do config(unique_key='id', indexes=[['received_at'], ['segment_id']]) -%}
  {%- do ref('profiles_sync', 'identity_resolution') -%}
{% endmacro %}

{#- Call type of each event type table. -#}
{% macro call_types() %}
  {{- return({
    'identifies': 'identify', 'pages': 'page', 'screens': 'screen', 'groups': 'group', 'aliases': 'alias', 'tracks': 'track',
  }) -}}
{% endmacro %}

{#- Columns that the calls of one type have beside those that all calls have, in the form of `registered_columns`; an `id` is text too, of
    a string or an integer. -#}
{% macro specific_columns(call_type) %}
  {%- set paths = {
    'page': {'name': [['name'], ['properties', 'name']], 'category': [['category'], ['properties', 'category']]},
    'screen': {'name': [['name'], ['properties', 'name']], 'category': [['category'], ['properties', 'category']]},
    'group': {'group_id': [['groupId']]},
    'alias': {'previous_id': [['previousId']]},
  } -%}
  {%- set type = 'id' if call_type in ('group', 'alias') else 'varchar' -%}
  {%- set columns = [] -%}
  {%- for name, places in paths.get(call_type, {}).items() -%}
    {%- do columns.append({'name': name, 'type': type, 'paths': places, 'nested': false}) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{#- What got no column of its own, as a JSON object of raw path to value; NULL when there is nothing. `first` is the number of the first
    of these values in `split`. -#}
{% macro overflow_text(overflow, first) %}
  {%- set members = [] -%}
  {%- for item in overflow -%}
    {%- set value = 'split.value_' ~ (first + loop.index0) -%}
    {%- set key = profiles_sync.text_literal(',' ~ tojson(item.name) ~ ':') -%}
    {%- do members.append(
      'case when ' ~ profiles_sync.json_kind(value) ~ ' not in ' ~ ("('null')" if item.nested else "('null', 'object')") ~ ' then '
      ~ profiles_sync.concat_text([key, profiles_sync.json_compact(value)]) ~ " else '' end"
    ) -%}
  {%- endfor -%}
  {%- set text = profiles_sync.concat_text(["'{'", 'substring(' ~ profiles_sync.concat_text(members) ~ ', 2)', "'}'"]) -%}
  {{- return('nullif(' ~ text ~ ", '{}')") -}}
{% endmacro %}
