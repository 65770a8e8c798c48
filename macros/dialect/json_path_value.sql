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

{#- A JSON path must be a literal; it has no way to write a key with a backslash, which a subscript takes. -#}
{% macro bigquery__json_path_value(column, paths, i, document) %}
  {%- set path = paths[i] -%}
  {%- if '\\' in path | join('') -%}
    {%- set steps = [] -%}
    {%- for key in path -%} {%- do steps.append('[' ~ profiles_sync.text_literal(key) ~ ']') -%} {%- endfor -%}
    {{- return('to_json_string(' ~ column ~ '.parsed' ~ steps | join('') ~ ')') -}}
  {%- endif -%}
  {%- set steps = ['$'] -%}
  {%- for key in path -%} {%- do steps.append('."' ~ key | replace('"', '\\"') ~ '"') -%} {%- endfor -%}
  {%- set literal = profiles_sync.text_literal(steps | join('')) -%}
  {{- return(
    'coalesce(json_query(' ~ column ~ '.document, ' ~ literal ~ '), case when json_type(json_query(' ~ column ~ '.parsed, ' ~ literal
    ~ ")) = 'null' then 'null' end)"
  ) -}}
{% endmacro %}

{#- Step by step: a path in one text would need its own quoting. The order of keys is VARIANT's own. -#}
{% macro snowflake__json_path_value(column, paths, i, document) %}
  {%- set value = namespace(sql=column) -%}
  {%- for key in paths[i] -%}
    {%- set value.sql = 'get(' ~ value.sql ~ ', ' ~ profiles_sync.text_literal(key) ~ ')' -%}
  {%- endfor -%}
  {{- return(value.sql) -}}
{% endmacro %}
