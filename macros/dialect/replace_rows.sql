{#- Steps of a transaction that put the rows of a query in the place of a table's rows with the same key. What they wrote says `written` of
    `<prefix>deleted`, `<prefix>replaced` and `<prefix>added`: rows deleted, rows that others took the place of, rows that the query brought.

    The query gives one row a key, and may begin with `with`; where `deletes`, its `_action` is `upsert` or `delete`. `name` names the table
    of changes that some engines make of it. -#}
{% macro replace_rows(transaction, relation, query, key, names, deletes=false, prefix='', name='work_changes') %}
  {{- return(adapter.dispatch('replace_rows', 'profiles_sync')(transaction, relation, query, key, names, deletes, prefix, name)) -}}
{% endmacro %}

{% macro default__replace_rows(transaction, relation, query, key, names, deletes, prefix, name) %}
  {%- set changes = profiles_sync.create_work_table(name, query) -%}
  {%- if profiles_sync.work_rows(changes) -%}
    {%- do profiles_sync.replace_rows_by(transaction, relation, changes, key, names, deletes, prefix) -%}
  {%- endif -%}
{% endmacro %}

{#- Nobody needs to know beforehand whether there are any: that would be a job of its own. -#}
{% macro bigquery__replace_rows(transaction, relation, query, key, names, deletes, prefix, name) %}
  {%- do profiles_sync.replace_rows_by(transaction, relation, profiles_sync.create_work_table(name, query), key, names, deletes, prefix) -%}
{% endmacro %}

{#- One statement, where the others send up to five: each is a round trip to the service, and compiled there. -#}
{% macro snowflake__replace_rows(transaction, relation, query, key, names, deletes, prefix, name) %}
  {%- set others = [] -%}
  {%- for column in names if column | lower not in key -%}
    {%- do others.append(profiles_sync.quote_column(column) ~ ' = change.' ~ profiles_sync.quote_column(column)) -%}
  {%- endfor -%}
  {%- do profiles_sync.begin_snowflake(transaction) %}
  {% call statement('merge', fetch_result=true) %}
    merge into {{ relation }} as kept
    using ({{ query }}) as change
    on {{ profiles_sync.same_key('change', 'kept', key) }}
    {%- if deletes %}
    when matched and change._action = 'delete' then delete
    {%- endif %}
    when matched then update set {{ others | join(', ') }}
    when not matched{{ " and change._action = 'upsert'" if deletes }} then insert ({{ profiles_sync.column_list(names) }})
      values ({{ profiles_sync.column_list(names, 'change') }})
  {% endcall %}
  {%- set done = load_result('merge').table -%}
  {%- set rows = {} -%}
  {%- for column in done.column_names -%} {%- do rows.update({(column | lower).split()[-1]: done.rows[0][column] | int}) -%} {%- endfor -%}
  {%- do transaction.rows.update({
    prefix ~ 'deleted': rows.get('deleted', 0), prefix ~ 'replaced': rows.updated, prefix ~ 'added': rows.inserted + rows.updated,
  }) -%}
{% endmacro %}

{#- The steps of an engine that does it statement by statement, from the table of changes. -#}
{% macro replace_rows_by(transaction, relation, changes, key, names, deletes, prefix) %}
  {%- if deletes %}
    {% call profiles_sync.write_step(transaction, prefix ~ 'deleted') %}
      {{ profiles_sync.delete_matching(relation, "(select * from " ~ changes ~ " where _action = 'delete')", key) }}
    {% endcall %}
  {%- endif %}
  {% call profiles_sync.write_step(transaction, prefix ~ 'replaced') %}
    {{ profiles_sync.delete_matching(relation, changes, key) }}
  {% endcall %}
  {% call profiles_sync.write_step(transaction, prefix ~ 'added') %}
    insert into {{ relation }} ({{ profiles_sync.column_list(names) }})
    select {{ profiles_sync.column_list(names, 'change') }} from {{ changes }} as change{{ " where change._action = 'upsert'" if deletes }}
  {% endcall %}
{% endmacro %}
