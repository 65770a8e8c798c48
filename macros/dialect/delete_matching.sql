{#- Statement that deletes the rows of a table whose key is among the rows of another: `key` is a list of columns that both have. -#}
{% macro delete_matching(relation, others, key) %}
  {{- return(adapter.dispatch('delete_matching', 'profiles_sync')(relation, others, key)) -}}
{% endmacro %}

{#- The table has no alias: not every engine takes one after DELETE FROM. -#}
{% macro default__delete_matching(relation, others, key) %}
  {{- return(
    'delete from ' ~ relation ~ ' where exists (select 1 from ' ~ others ~ ' as change where '
    ~ profiles_sync.same_key('change', relation.include(database=false, schema=false), key) ~ ')'
  ) -}}
{% endmacro %}

{#- Condition: two rows have the same key. -#}
{% macro same_key(one, other, key) %}
  {%- set matches = [] -%}
  {%- for column in key -%}
    {%- do matches.append(one ~ '.' ~ profiles_sync.quote_column(column) ~ ' = ' ~ other ~ '.' ~ profiles_sync.quote_column(column)) -%}
  {%- endfor -%}
  {{- return(matches | join(' and ')) -}}
{% endmacro %}
