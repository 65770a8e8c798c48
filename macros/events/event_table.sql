{#- The statement of an event table: one of the event type tables, or a track event's by the name of its table. One row per processed
    call; the fixed columns first, then those that the registry gives the table. -#}
{% macro event_table(name) %}
  {%- set call_type = profiles_sync.call_types().get(name, 'track') -%}
  {%- set slice = profiles_sync.event_slice(name) -%}
  {%- set columns = profiles_sync.selected_columns(name, profiles_sync.registered_columns(name), slice) -%}
  {%- set specific = profiles_sync.specific_columns(name, call_type) -%}
  {%- set wanted = specific + columns -%}
  {%- set overflow = profiles_sync.overflow_members(name, specific + columns, wanted) -%}
  {%- set opted_out = profiles_sync.opted_out(wanted) -%}
  {%- if opted_out -%} {%- do slice.update({'partial': true}) -%} {%- endif -%}
  {%- set of_engine = profiles_sync.engine_event_columns() -%}
  {%- set types = profiles_sync.column_types_of(columns) -%}
  {#- Among those that may be missing: a table may be older than they are. -#}
  {%- do types.update(of_engine) -%}
  {%- if overflow -%} {%- do types.update({'_overflow': 'varchar'}) -%} {%- endif -%}
  {%- set names = [
    'id', 'segment_id', 'event_source_id', 'event_source_name', 'event_source_slug', 'anonymous_id', 'user_id', 'received_at', 'sent_at',
    'timestamp', 'original_timestamp', 'uuid_ts',
  ] + (['event', 'event_text'] if call_type == 'track' else []) + specific | map(attribute='name') | list + types.keys() | list -%}
  {%- set carried = [
    'event_no', 'message_id', 'source_id', 'source_name', 'source_slug', 'anonymous_id', 'user_id', 'received_at', 'sent_at', 'timestamp',
    'original_timestamp', 'event_slug', 'event_name',
  ] + of_engine.keys() | list -%}
  {%- set condition = profiles_sync.in_slice(slice, 'landed') ~ profiles_sync.landing_days('landed', {'after': 0, 'upto': slice.upto} if slice.fills else slice) ~ " and landed.type = '" ~ call_type ~ "'" -%}
  {%- if call_type == 'track' and name != 'tracks' -%}
    {%- set condition = condition ~ ' and landed.event_slug = ' ~ profiles_sync.text_literal(name) -%}
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
  {%- for name in of_engine %},
  split.{{ profiles_sync.quote_column(name) }}
  {%- endfor %}
  {%- if call_type == 'track' %},
  split.event_slug as event,
  split.event_name as event_text
  {%- endif %}
  {%- for column in specific + columns %},
  {%- set value = 'split.value_' ~ loop.index0 %}
  {%- set shown = profiles_sync.identifier_text(value) if column.type == 'id' else profiles_sync.json_as(value, column.type, column.nested) %}
  {{ profiles_sync.null_within(column.gaps, 'split.event_no', shown) }} as {{ profiles_sync.quote_column(column.name) }}
  {%- endfor %}
  {%- if overflow %},
  {{ profiles_sync.overflow_text(overflow) }} as {{ profiles_sync.quote_column('_overflow') }}
  {%- endif %}
from {{ profiles_sync.split_calls(carried, wanted, condition, call_type) }} as split
inner join {{ profiles_sync.contract_relation('identity_events') }} as outcome
  on outcome.event_no = split.event_no
  and outcome.event_no > {{ 0 if slice.fills else slice.after }}
  and outcome.event_no <= {{ slice.upto }}
  and outcome.outcome = 'processed'
left join {{ profiles_sync.contract_relation('identity_profiles') }} as profile
  on profile.profile_no = outcome.stamp_no
{%- if opted_out %}
where case when {{ opted_out }} then 1 else 0 end = 0
{%- endif %}
{% endmacro %}

{#- Condition: a call asked for no row, by `integrations.Warehouses.all` false, in a period in which `honor_warehouse_opt_out` was set; none
    where it never was. The value to be split off is added to `wanted`. -#}
{% macro opted_out(wanted) %}
  {%- set conditions = [] -%}
  {%- for period in profiles_sync.setting_periods('honor_warehouse_opt_out') if period.value -%}
    {%- if not conditions -%} {%- do wanted.append({'paths': [['integrations', 'Warehouses', 'all']]}) -%} {%- endif -%}
    {%- do conditions.append(
      'split.event_no >= ' ~ period.first ~ (' and split.event_no <= ' ~ period.last if period.last is not none else '')
    ) -%}
  {%- endfor -%}
  {%- if conditions -%}
    {%- set value = 'split.value_' ~ (wanted | length - 1) -%}
    {{- return(
      profiles_sync.json_kind(value) ~ " = 'boolean' and " ~ profiles_sync.json_compact(value) ~ " = 'false' and ((" ~ conditions | join(') or (') ~ '))'
    ) -}}
  {%- endif -%}
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
    a string or an integer. A page's name is the call's own, else the property's: where the registry has such a property, that counts too. -#}
{% macro specific_columns(table_name, call_type) %}
  {%- set fields = {
    'page': {'name': 'name', 'category': 'category'}, 'screen': {'name': 'name', 'category': 'category'},
    'group': {'group_id': 'groupId'}, 'alias': {'previous_id': 'previousId'},
  } -%}
  {%- set type = 'id' if call_type in ('group', 'alias') else 'varchar' -%}
  {%- set shared = profiles_sync.registry_rows(table_name, 'shared') if type == 'varchar' and call_type in fields else [] -%}
  {%- set columns = [] -%}
  {%- for name, field in fields.get(call_type, {}).items() -%}
    {%- set column = {
      'name': name, 'type': type, 'paths': [[field]], 'raw_paths': [tojson([field])], 'nested': false, 'misfits': false, 'gaps': [],
    } -%}
    {%- for row in shared if row[0] == name -%}
      {%- do column.paths.append(fromjson(row[2])) -%}
      {%- do column.raw_paths.append(row[2]) -%}
    {%- endfor -%}
    {%- do columns.append(column) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{#- What a table cannot hold in its columns, as conditional parts of a JSON object from raw path to value: values beyond the column limit,
    values that do not fit their column's type, and those that lost a column to another path of the same call. `wanted` begins with the
    columns; the values to be split off beside their own are added to it. -#}
{% macro overflow_members(table_name, columns, wanted) %}
  {%- set members = [] -%}
  {%- set off = profiles_sync.columns_off(table_name) -%}
  {%- for row in profiles_sync.registry_rows(table_name, 'overflow') -%}
    {%- set path = fromjson(row[2]) -%}
    {%- do wanted.append({'paths': [path]}) -%}
    {%- set value = 'split.value_' ~ (wanted | length - 1) -%}
    {%- set condition = profiles_sync.is_value(value, path) ~ profiles_sync.outside_of(off.get(row[0], []), 'split.event_no') -%}
    {%- do members.append(profiles_sync.overflow_member(row[2], value, condition)) -%}
  {%- endfor -%}
  {%- for column in columns if column.misfits or column.paths | length > 1 -%}
    {%- set chosen = 'split.value_' ~ columns.index(column) -%}
    {#- A field of the call itself comes first, and so is never lost. -#}
    {%- for path in column.paths if path | length > 1 -%}
      {%- set several = column.paths | length > 1 -%}
      {%- if several -%} {%- do wanted.append({'paths': [path]}) -%} {%- endif -%}
      {%- set value = 'split.value_' ~ (wanted | length - 1) if several else chosen -%}
      {%- set lost = [] -%}
      {%- if column.misfits -%}
        {%- do lost.append(profiles_sync.json_as(value, column.type, column.nested) ~ ' is null') -%}
      {%- endif -%}
      {%- if several -%}
        {%- do lost.append(profiles_sync.json_compact(value) ~ ' <> ' ~ profiles_sync.json_compact(chosen)) -%}
      {%- endif -%}
      {%- do members.append(profiles_sync.overflow_member(
        column.raw_paths[column.paths.index(path)],
        value,
        profiles_sync.is_value(value, path) ~ ' and (' ~ lost | join(' or ') ~ ')' ~ profiles_sync.outside_of(column.gaps, 'split.event_no')
      )) -%}
    {%- endfor -%}
  {%- endfor -%}
  {{- return(members) -}}
{% endmacro %}

{#- Condition: there is a value of its own at a path, neither null nor an object that is flattened. -#}
{% macro is_value(value, path) %}
  {{- return(profiles_sync.json_kind(value) ~ ' not in ' ~ ("('null')" if profiles_sync.is_deepest(path) else "('null', 'object')")) -}}
{% endmacro %}

{% macro overflow_member(raw_path, value, condition) %}
  {{- return(
    'case when ' ~ condition ~ ' then '
    ~ profiles_sync.concat_text([profiles_sync.text_literal(',' ~ tojson(raw_path) ~ ':'), profiles_sync.json_compact(value)])
    ~ " else '' end"
  ) -}}
{% endmacro %}

{#- The parts as one JSON object; NULL when there is none. -#}
{% macro overflow_text(members) %}
  {%- set text = profiles_sync.concat_text(["'{'", 'substring(' ~ profiles_sync.concat_text(members) ~ ', 2, ' ~ profiles_sync.any_length() ~ ')', "'}'"]) -%}
  {{- return('nullif(' ~ text ~ ", '{}')") -}}
{% endmacro %}
