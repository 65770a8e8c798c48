{#- Adds columns to a table: `columns` maps names to logical types. -#}
{% macro add_columns(relation, columns) %}
  {{- return(adapter.dispatch('add_columns', 'profiles_sync')(relation, columns)) -}}
{% endmacro %}

{% macro default__add_columns(relation, columns) %}
  {%- for name, type in columns.items() -%}
    {%- do run_query('alter table ' ~ relation ~ ' add column ' ~ profiles_sync.quote_column(name) ~ ' ' ~ profiles_sync.column_type(type)) -%}
  {%- endfor -%}
{% endmacro %}

{#- All in one statement: it allows a table five changes in ten seconds. -#}
{% macro bigquery__add_columns(relation, columns) %}
  {%- set clauses = [] -%}
  {%- for name, type in columns.items() -%}
    {%- do clauses.append('add column ' ~ profiles_sync.quote_column(name) ~ ' ' ~ profiles_sync.column_type(type)) -%}
  {%- endfor -%}
  {%- do run_query('alter table ' ~ relation ~ ' ' ~ clauses | join(', ')) -%}
{% endmacro %}

{#- One statement there. -#}
{% macro snowflake__add_columns(relation, columns) %}
  {%- set definitions = [] -%}
  {%- for name, type in columns.items() -%}
    {%- do definitions.append(profiles_sync.quote_column(name) ~ ' ' ~ profiles_sync.column_type(type)) -%}
  {%- endfor -%}
  {%- do run_query('alter table ' ~ relation ~ ' add column ' ~ definitions | join(', ')) -%}
{% endmacro %}

{#- One statement, without the word `column`. -#}
{% macro sqlserver__add_columns(relation, columns) %}
  {%- set definitions = [] -%}
  {%- for name, type in columns.items() -%}
    {%- do definitions.append(profiles_sync.column_definition(name, type)) -%}
  {%- endfor -%}
  {%- do run_query('alter table ' ~ relation ~ ' add ' ~ definitions | join(', ')) -%}
{% endmacro %}

{% macro synapse__add_columns(relation, columns) %}
  {{- return(profiles_sync.sqlserver__add_columns(relation, columns)) -}}
{% endmacro %}
