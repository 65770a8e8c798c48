{#- Condition: a JSON value is an object without keys. -#}
{% macro json_is_empty(value) %}
  {{- return(adapter.dispatch('json_is_empty', 'profiles_sync')(value)) -}}
{% endmacro %}

{#- Not `json_compact`: of a large object that is work. -#}
{% macro default__json_is_empty(value) %}
  {{- return("(replace(cast(" ~ value ~ ' as ' ~ profiles_sync.column_type('text') ~ "), ' ', '') = '{}')") -}}
{% endmacro %}

{#- Cast to text, objects become NULL there. -#}
{% macro redshift__json_is_empty(value) %}
  {{- return('(' ~ profiles_sync.json_compact(value) ~ " = '{}')") -}}
{% endmacro %}
