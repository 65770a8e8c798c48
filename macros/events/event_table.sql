{#- The statement of an event table: one of the event type tables, or a track event's by the name of its table. One row per processed
    call; the fixed columns first, then those that the registry gives the table. -#}
{% macro event_table(name) %}
  {%- set call_type = profiles_sync.call_types().get(name, 'track') -%}
  {%- set slice = profiles_sync.event_slice(name) -%}
  {%- set columns = profiles_sync.selected_columns(name, profiles_sync.registered_columns(name), slice) -%}
  {%- set specific = profiles_sync.specific_columns(name, call_type) -%}
  {%- set sure = profiles_sync.sure_columns(specific + columns) -%}
  {%- set wanted = specific + columns -%}
  {%- set beyond = [] -%}
  {%- set overflow = profiles_sync.overflow_members(name, specific + columns, sure, wanted, beyond) -%}
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
  {%- set shown = profiles_sync.if_fitting(loop.index, sure, 'split', shown) %}
  {{ profiles_sync.null_within(column.gaps, 'split.event_no', shown) }} as {{ profiles_sync.quote_column(column.name) }}
  {%- endfor %}
  {%- if overflow %},
  {{ profiles_sync.overflow_text(overflow) }} as {{ profiles_sync.quote_column('_overflow') }}
  {%- endif %}
from {{ profiles_sync.with_fitting(profiles_sync.split_calls(carried, wanted, condition, call_type, beyond), specific + columns, sure) }} as split
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
    values that do not fit their column's type, those that lost a column to another path of the same call, and those without room in the row.
    `wanted` begins with the columns; the values to be split off beside their own are added to it, and where a SELECT has no room for them
    they are added to `beyond`, to be split off as one text. -#}
{% macro overflow_members(table_name, columns, sure, wanted, beyond) %}
  {%- set parts = [] -%}
  {%- set off = profiles_sync.columns_off(table_name) -%}
  {%- for row in profiles_sync.registry_rows(table_name, 'overflow') -%}
    {%- do parts.append({'path': fromjson(row[2]), 'raw_path': row[2], 'gaps': off.get(row[0], []), 'column': none}) -%}
  {%- endfor -%}
  {%- for column in columns -%}
    {%- set place = loop.index -%}
    {%- if column.misfits or column.paths | length > 1 or place > sure -%}
      {#- A field of the call itself comes first, and so is never lost. -#}
      {%- for path in column.paths if path | length > 1 -%}
        {%- do parts.append({
          'path': path, 'raw_path': column.raw_paths[column.paths.index(path)], 'gaps': column.gaps, 'column': column, 'place': place,
          'unsure': place > sure,
        }) -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set members, room = [], profiles_sync.select_room() -%}
  {%- for part in parts -%}
    {%- set chosen = 'split.value_' ~ (part.place - 1) if part.column else none -%}
    {%- if part.column and part.column.paths | length == 1 -%}
      {%- do members.append(profiles_sync.overflow_member(part, chosen, chosen, 'split')) -%}
    {%- elif room and wanted | length >= room -%}
      {%- do beyond.append(part) -%}
    {%- else -%}
      {%- do wanted.append({'paths': [part.path]}) -%}
      {%- do members.append(profiles_sync.overflow_member(part, 'split.value_' ~ (wanted | length - 1), chosen, 'split')) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if beyond -%} {%- do members.append('split.beyond') -%} {%- endif -%}
  {{- return(members) -}}
{% endmacro %}

{#- Condition: there is a value of its own at a path, neither null nor an object that is flattened. -#}
{% macro is_value(value, nested) %}
  {{- return(profiles_sync.json_kind(value) ~ ' not in ' ~ ("('null')" if nested else "('null', 'object')")) -}}
{% endmacro %}

{#- A part of the object: the value at the path of one of `overflow_members`, blank where it is not lost. `chosen` is what its column shows,
    `calls` their alias. How much of a row fits is known of `split` only; before, a value that may have no room is taken along. -#}
{% macro overflow_member(part, value, chosen, calls) %}
  {%- set lost = [] -%}
  {%- if part.column -%}
    {%- if part.column.misfits -%}
      {%- do lost.append(profiles_sync.json_as(value, part.column.type, part.column.nested) ~ ' is null') -%}
    {%- endif -%}
    {%- if part.column.paths | length > 1 -%}
      {%- do lost.append(profiles_sync.json_compact(value) ~ ' <> ' ~ profiles_sync.json_compact(chosen)) -%}
    {%- endif -%}
    {%- if part.unsure -%}
      {%- do lost.append('split.fitting < ' ~ part.place if calls == 'split' else '1 = 1') -%}
    {%- endif -%}
  {%- endif -%}
  {%- set condition = profiles_sync.is_value(value, profiles_sync.is_deepest(part.path)) ~ (' and (' ~ lost | join(' or ') ~ ')' if lost else '')
    ~ profiles_sync.outside_of(part.gaps, calls ~ '.event_no') -%}
  {{- return(
    'case when ' ~ condition ~ ' then '
    ~ profiles_sync.concat_text([profiles_sync.text_literal(',' ~ tojson(part.raw_path) ~ ':'), profiles_sync.json_compact(value)])
    ~ " else '' end"
  ) -}}
{% endmacro %}

{#- The parts as one text; many at once would nest too deep. -#}
{% macro joined_members(members) %}
  {%- set texts = [] -%}
  {%- for few in members | batch(50) -%} {%- do texts.append(profiles_sync.concat_text(few)) -%} {%- endfor -%}
  {{- return(profiles_sync.concat_text(texts)) -}}
{% endmacro %}

{#- The parts as one JSON object; NULL when there is none. -#}
{% macro overflow_text(members) %}
  {%- set text = profiles_sync.concat_text(["'{'", 'substring(' ~ profiles_sync.joined_members(members) ~ ', 2, ' ~ profiles_sync.any_length() ~ ')', "'}'"]) -%}
  {{- return('nullif(' ~ text ~ ", '{}')") -}}
{% endmacro %}
