{#- The tables `users` and `accounts`, which know no profiles: the newest traits by the raw id of a user or a group, by the rules of the
    traits of profiles. Off by default. -#}

{#- Whether they are built: the home's file, which is the environment's variable, else the project's variable. Asked when dbt parses. -#}
{% macro has_users_and_accounts() %}
  {{- return((env_var('PROFILES_SYNC_ENABLE_USERS_ACCOUNTS', '') or var('enable_users_accounts') | string) | lower == 'true') -}}
{% endmacro %}

{#- Statement of such a table: the ids with calls in the slice, each with its traits from all of its calls. `ledger` is a model. -#}
{% macro object_traits(ledger, table) %}
{%- set slice = profiles_sync.event_slice(made_of=ledger) %}
{%- set writes = ref('profiles_sync', ledger) %}
{%- set columns = [] %}
{%- for column in profiles_sync.registered_columns(table) if column.paths[0][0] == 'traits' %}{% do columns.append(column) %}{% endfor %}
{%- set sure = profiles_sync.sure_columns(columns) %}
{%- set types = profiles_sync.column_types_of(columns) %}
{{ profiles_sync.slice_header(slice, types, ['id'] + types.keys() | list + ['received_at', 'uuid_ts', 'timestamp']) }}
select
  present.object_id as id
  {%- for column in columns %},
  {%- set value = profiles_sync.json_as('present.value_' ~ loop.index0, column.type, column.nested) %}
  {{ profiles_sync.if_fitting(loop.index, sure, 'present', value) }} as {{ profiles_sync.quote_column(column.name) }}
  {%- endfor %},
  newest.received_at,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  newest.{{ profiles_sync.quote_column('timestamp') }},
  cast('upsert' as {{ profiles_sync.column_type('id') }}) as _action
from {% set present %}(
  select
    cells.object_id,
    cells.newest_no
    {%- for column in columns %},
    {{ profiles_sync.trait_cell_value('cells.cell_' ~ loop.index0) }} as value_{{ loop.index0 }}
    {%- endfor %}
  from (
    select
      writes.object_id,
      max(writes.event_no) as newest_no
      {%- for column in columns %},
      max({{ profiles_sync.bytewise('case when decided.column_name = ' ~ profiles_sync.text_literal(column.name) ~ ' then ' ~ profiles_sync.trait_cell('writes', 'decided') ~ ' end') }}) as cell_{{ loop.index0 }}
      {%- endfor %}
    from {{ writes }} as writes
    inner join (
      select distinct object_id from {{ writes }} where event_no > {{ slice.after }} and event_no <= {{ slice.upto }}
    ) as touched on touched.object_id = writes.object_id
    {%- if columns %}
    left join {{ profiles_sync.trait_columns(table) }} as decided on decided.raw_path = writes.raw_path
    {%- endif %}
    where writes.event_no <= {{ slice.upto }}
    group by writes.object_id
  ) as cells
  {{ profiles_sync.evaluate_once() }}
){% endset %}
{{- profiles_sync.with_fitting(present, columns, sure) }} as present
inner join {{ writes }} as newest on newest.event_no = present.newest_no and newest.raw_path = ''
{% endmacro %}
