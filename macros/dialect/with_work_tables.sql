{#- A statement on work tables as it is sent. Statements call work tables by their plain names (`work_…`), as temporary tables; an engine
    that has none qualifies them here. -#}
{% macro with_work_tables(sql) %}
  {{- return(adapter.dispatch('with_work_tables', 'profiles_sync')(sql)) -}}
{% endmacro %}

{% macro default__with_work_tables(sql) %}
  {{- return(sql) -}}
{% endmacro %}

{#- Only where a table is named, after `from`, `join` or `into`: elsewhere the plain name is the table's alias. -#}
{% macro bigquery__with_work_tables(sql) %}
  {{- return(profiles_sync.qualify_work_tables(sql)) -}}
{% endmacro %}

{#- The same. -#}
{% macro sqlserver__with_work_tables(sql) %}
  {{- return(profiles_sync.qualify_work_tables(sql)) -}}
{% endmacro %}

{% macro synapse__with_work_tables(sql) %}
  {{- return(profiles_sync.sqlserver__with_work_tables(sql)) -}}
{% endmacro %}

{% macro qualify_work_tables(sql) %}
  {%- set name = profiles_sync.work_relation('work_table') | string -%}
  {{- return(modules.re.sub('\\b((?i:from|join|into)\\s+)(work_\\w+)', '\\1' ~ name | replace('work_table', '\\2'), sql)) -}}
{% endmacro %}

{#- A work table of an engine that keeps them beside other tables. -#}
{% macro work_relation(name) %}
  {{- return(api.Relation.create(
    database=target.database, schema=profiles_sync.space_schema('staging'), identifier=name, type='table'
  )) -}}
{% endmacro %}
