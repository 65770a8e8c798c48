{#- A table of this run only, named `name`, made from a query; returns what to call it in SQL. Replaces one of that name. How many rows it
    has is `affected_rows('work_table')` afterwards. -#}
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
    removes itself; statements call it by its plain name (`with_work_tables`). -#}
{% macro bigquery__create_work_table(name, sql) %}
  {% call statement('work_table', fetch_result=true) %}
    create or replace table {{ profiles_sync.work_relation(name) }}
    options (expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)) as
    {{ profiles_sync.with_work_tables(sql) }}
  {% endcall %}
  {{- return(profiles_sync.work_relation(name)) -}}
{% endmacro %}

{#- One statement replaces a table there. -#}
{% macro snowflake__create_work_table(name, sql) %}
  {% call statement('work_table', fetch_result=true) %}
    create or replace temporary table {{ name }} as {{ sql }}
  {% endcall %}
  {{- return(name) -}}
{% endmacro %}
