{#- A table of this run only, named `name`, made from a query; returns what to call it in SQL. Replaces one of that name. How many rows it
    has says `work_rows`. -#}
{% macro create_work_table(name, sql) %}
  {{- return(adapter.dispatch('create_work_table', 'profiles_sync')(name, sql)) -}}
{% endmacro %}

{% macro default__create_work_table(name, sql) %}
  {%- do run_query('drop table if exists ' ~ name) -%}
  {% call statement('work_table', fetch_result=true) %}
    create temporary table {{ name }} as {{ sql }}
  {% endcall %}
  {{- return(name) -}}
{% endmacro %}

{#- Without statistics the planner takes a nested loop over a table it thinks is empty. -#}
{% macro postgres__create_work_table(name, sql) %}
  {%- do profiles_sync.default__create_work_table(name, sql) -%}
  {%- do run_query('analyze ' ~ name) -%}
  {{- return(name) -}}
{% endmacro %}

{#- Its temporary tables live in one script or session, and dbt sends each statement as a job of its own. So a table of the staging dataset that
    removes itself; statements call it by its plain name (`with_work_tables`). A job takes seconds to begin, so the statement waits for the next
    one whose result is asked for, and goes with it. -#}
{% macro bigquery__create_work_table(name, sql) %}
  {%- set parts = profiles_sync.repeated_ctes(name, sql) -%}
  {%- do profiles_sync.waiting_statements().append(profiles_sync.bigquery_work_tables(parts.tables + [{'name': name, 'sql': parts.sql}])) -%}
  {{- return(profiles_sync.work_relation(name)) -}}
{% endmacro %}

{#- Statements of the model being built that wait for the next script. -#}
{% macro waiting_statements() %}
  {{- return(profiles_sync.run_memory().setdefault('waiting for ' ~ (model.unique_id if model is defined else ''), [])) -}}
{% endmacro %}

{#- They as text, for the script that they go with; from then on none wait. -#}
{% macro take_waiting_statements() %}
  {%- set waiting = profiles_sync.waiting_statements() -%}
  {%- set statements = waiting | join('') -%}
  {%- do waiting.clear() -%}
  {{- return(statements) -}}
{% endmacro %}

{#- Statements of a script that makes work tables. -#}
{% macro bigquery_work_tables(tables) %}
  {%- for table in tables %}
    create or replace table {{ profiles_sync.work_relation(table.name) }}
    options (expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)) as
    {{ profiles_sync.with_work_tables(table.sql) }};
  {%- endfor %}
{% endmacro %}

{#- One statement replaces a table there. -#}
{% macro snowflake__create_work_table(name, sql) %}
  {% call statement('work_table', fetch_result=true) %}
    create or replace temporary table {{ name }} as {{ sql }}
  {% endcall %}
  {{- return(name) -}}
{% endmacro %}

{#- A temporary table could not be used by the view that a query beginning with `with` must be put into before a table is made of it. So a
    table of the staging schema; statements call it by its plain name (`with_work_tables`). -#}
{% macro sqlserver__create_work_table(name, sql) %}
  {%- set table = profiles_sync.work_relation(name) -%}
  {%- set view = profiles_sync.create_work_view(name, profiles_sync.create_repeated_ctes(name, sql)) -%}
  {%- do run_query(profiles_sync.drop_if_exists(table, 'table')) -%}
  {% call statement('work_table', fetch_result=true) %}
    select every_one.* into {{ table }} from {{ view }} as every_one
  {% endcall %}
  {{- return(table) -}}
{% endmacro %}

{#- A pool makes a table of such a query itself. -#}
{% macro synapse__create_work_table(name, sql) %}
  {%- set table = profiles_sync.work_relation(name) -%}
  {%- set query = profiles_sync.create_repeated_ctes(name, sql) -%}
  {%- do run_query(profiles_sync.drop_if_exists(table, 'table')) -%}
  {%- do run_query(
    'create table ' ~ table ~ profiles_sync.pool_layout(['round_robin', 'heap']) ~ ' as ' ~ profiles_sync.with_work_tables(query) | trim
  ) -%}
  {{- return(table) -}}
{% endmacro %}

{#- Makes work tables of a query's `repeated_ctes`; returns the query that is left. -#}
{% macro create_repeated_ctes(name, sql) %}
  {%- set parts = profiles_sync.repeated_ctes(name, sql) -%}
  {%- for table in parts.tables -%}
    {%- do profiles_sync.create_work_table(table.name, table.sql) -%}
  {%- endfor -%}
  {{- return(parts.sql) -}}
{% endmacro %}

{#- A view of the staging schema on a query about work tables; returns what to call it in SQL. -#}
{% macro create_work_view(name, sql) %}
  {%- set view = profiles_sync.work_relation(name ~ '__query').include(database=false) -%}
  {%- do run_query(profiles_sync.drop_if_exists(view, 'view')) -%}
  {%- do run_query('create view ' ~ view ~ ' as ' ~ profiles_sync.with_work_tables(sql) | trim) -%}
  {{- return(view) -}}
{% endmacro %}

{#- Statement that drops a table or a view where it exists, as all of SQL Server and the pool write it. -#}
{% macro drop_if_exists(relation, kind) %}
  {{- return(
    "if object_id('" ~ relation ~ "', '" ~ {'table': 'U', 'view': 'V'}[kind] ~ "') is not null drop " ~ kind ~ ' ' ~ relation
  ) -}}
{% endmacro %}
