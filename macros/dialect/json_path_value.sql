{#- Value number `i` of `json_paths`, as JSON. With `document`, the one that `json_paths` was given, arrays and objects keep the order
    of their keys where the engine's own JSON type does not. -#}
{% macro json_path_value(column, paths, i, document=none) %}
  {{- return(adapter.dispatch('json_path_value', 'profiles_sync')(column, paths, i, document)) -}}
{% endmacro %}

{% macro duckdb__json_path_value(column, paths, i, document) %}
  {{- return(column ~ '[' ~ (i + 1) ~ ']') -}}
{% endmacro %}

{#- jsonb sorts the keys of objects. -#}
{% macro postgres__json_path_value(column, paths, i, document) %}
  {%- set keys = [] -%}
  {%- for key in paths[i] -%}
    {%- do keys.append(profiles_sync.text_literal(key)) -%}
  {%- endfor -%}
  {%- set step = ' #> array[' ~ keys | join(', ') ~ ']' -%}
  {%- set value = '(' ~ column ~ step ~ ')' -%}
  {%- if document is none -%}
    {{- return(value) -}}
  {%- else -%}
    {{- return("case when jsonb_typeof" ~ value ~ " in ('array', 'object') then (" ~ document ~ step ~ ") else cast(" ~ value ~ " as json) end") -}}
  {%- endif -%}
{% endmacro %}
