{#- Value number `i` of `json_paths`, as JSON. -#}
{% macro json_path_value(column, paths, i) %}
  {{- return(adapter.dispatch('json_path_value', 'profiles_sync')(column, paths, i)) -}}
{% endmacro %}

{% macro duckdb__json_path_value(column, paths, i) %}
  {{- return(column ~ '[' ~ (i + 1) ~ ']') -}}
{% endmacro %}

{% macro postgres__json_path_value(column, paths, i) %}
  {%- set keys = [] -%}
  {%- for key in paths[i] -%}
    {%- do keys.append(profiles_sync.text_literal(key)) -%}
  {%- endfor -%}
  {{- return('(' ~ column ~ ' #> array[' ~ keys | join(', ') ~ '])') -}}
{% endmacro %}
