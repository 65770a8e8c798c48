{#- Changes an integer column to float, values kept. -#}
{% macro widen_column(relation, column) %}
  {{- return(adapter.dispatch('widen_column', 'profiles_sync')(relation, column)) -}}
{% endmacro %}

{% macro default__widen_column(relation, column) %}
  {%- do run_query(
    'alter table ' ~ relation ~ ' alter column ' ~ profiles_sync.quote_column(column) ~ ' type ' ~ profiles_sync.column_type('float')
  ) -%}
{% endmacro %}

{% macro bigquery__widen_column(relation, column) %}
  {%- do run_query(
    'alter table ' ~ relation ~ ' alter column ' ~ profiles_sync.quote_column(column) ~ ' set data type ' ~ profiles_sync.column_type('float')
  ) -%}
{% endmacro %}

{#- A column's type is kept there: another column takes its values and its name. -#}
{% macro snowflake__widen_column(relation, column) %}
  {{- return(profiles_sync.replace_column(relation, column)) -}}
{% endmacro %}

{% macro replace_column(relation, column) %}
  {%- set name = profiles_sync.quote_column(column) -%}
  {%- set wider = profiles_sync.quote_column('__wider') -%}
  {%- if '__wider' not in adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
    {%- do profiles_sync.add_columns(relation, {'__wider': 'float'}) -%}
  {%- endif -%}
  {%- do run_query('update ' ~ relation ~ ' set ' ~ wider ~ ' = ' ~ name ~ ' where 1 = 1') -%}
  {%- do run_query('alter table ' ~ relation ~ ' drop column ' ~ name) -%}
  {%- do run_query('alter table ' ~ relation ~ ' rename column ' ~ wider ~ ' to ' ~ name) -%}
{% endmacro %}

{% macro sqlserver__widen_column(relation, column) %}
  {%- do run_query(
    'alter table ' ~ relation ~ ' alter column ' ~ profiles_sync.quote_column(column) ~ ' ' ~ profiles_sync.column_type('float') ~ ' null'
  ) -%}
{% endmacro %}

{% macro synapse__widen_column(relation, column) %}
  {{- return(profiles_sync.sqlserver__widen_column(relation, column)) -}}
{% endmacro %}

{#- Only a varchar's length can be changed there. -#}
{% macro redshift__widen_column(relation, column) %}
  {{- return(profiles_sync.replace_column(relation, column)) -}}
{% endmacro %}
