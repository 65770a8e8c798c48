{#- Rows of the work table that `create_work_table` made last; `name` is what it returned. -#}
{% macro work_rows(name) %}
  {{- return(adapter.dispatch('work_rows', 'profiles_sync')(name)) -}}
{% endmacro %}

{% macro default__work_rows(name) %}
  {{- return(profiles_sync.affected_rows('work_table')) -}}
{% endmacro %}

{#- With what makes the table, in one script. -#}
{% macro bigquery__work_rows(name) %}
  {{- return(profiles_sync.query_work_tables('select count(*) as n from ' ~ name).rows[0][0] | int) -}}
{% endmacro %}

{#- To CREATE TABLE AS it answers with one line of text, whose count is 1; how many rows a table has, it knows without reading it. -#}
{% macro snowflake__work_rows(name) %}
  {{- return(run_query('select count(*) from ' ~ name).rows[0][0] | int) -}}
{% endmacro %}

{#- It does not say how many rows a CREATE TABLE AS wrote. -#}
{% macro redshift__work_rows(name) %}
  {{- return(profiles_sync.snowflake__work_rows(name)) -}}
{% endmacro %}

{#- Nor does a pool. -#}
{% macro synapse__work_rows(name) %}
  {{- return(run_query('select count_big(*) as n from ' ~ name).rows[0][0] | int) -}}
{% endmacro %}
