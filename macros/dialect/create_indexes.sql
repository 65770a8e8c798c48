{#- Physical help for a table just made: its key (a column, or a list of them), and further indexes (lists of columns), where the engine has
    such things. -#}
{% macro create_indexes(relation, key, indexes) %}
  {%- set key = [key] if key is string else key -%}
  {{- return(adapter.dispatch('create_indexes', 'profiles_sync')(relation, key, indexes)) -}}
{% endmacro %}

{#- A columnar engine finds rows by zone maps; an index there costs every insert. -#}
{% macro default__create_indexes(relation, key, indexes) %}
{% endmacro %}

{% macro postgres__create_indexes(relation, key, indexes) %}
  {%- if key -%}
    {%- do run_query('create unique index on ' ~ relation ~ ' (' ~ profiles_sync.column_list(key) ~ ')') -%}
  {%- endif -%}
  {%- for columns in indexes or [] -%}
    {%- do run_query('create index on ' ~ relation ~ ' (' ~ profiles_sync.column_list(columns) ~ ')') -%}
  {%- endfor -%}
{% endmacro %}
