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

{#- `json_value` cuts at 4,000 characters and does not tell null from nothing, nor '7' from 7; a row of `openjson` does. A `|` behind both
    keeps blanks at the end of a key from being overlooked. -#}
{% macro sqlserver__json_path_value(column, paths, i, document) %}
  {%- set steps = ['$'] -%}
  {%- for key in paths[i][:-1] -%}
    {%- do steps.append('."' ~ key | replace('\\', '\\\\') | replace('"', '\\"') ~ '"') -%}
  {%- endfor -%}
  {%- set above = ", N'" ~ steps | join('') | replace("'", "''") ~ "'" if steps | length > 1 else '' -%}
  {{- return(
    '(select max(' ~ profiles_sync.openjson_text('members') ~ ') from openjson(' ~ column ~ above ~ ") as members where members.[key] + N'|' = N'"
    ~ paths[i][-1] | replace("'", "''") ~ "|')"
  ) -}}
{% endmacro %}

{% macro synapse__json_path_value(column, paths, i, document) %}
  {{- return(profiles_sync.sqlserver__json_path_value(column, paths, i, document)) -}}
{% endmacro %}

{#- The JSON text of a row of `openjson`: it gives strings without their escapes. `json_modify` escapes a slash as well, which nobody else does. -#}
{% macro openjson_text(row) %}
  {%- set member = "json_modify('{}', '$.s', coalesce(" ~ row ~ ".value, N''))" -%}
  {{- return(
    'cast((case ' ~ row ~ ".type when 0 then N'null' when 1 then replace(substring(" ~ member ~ ', 6, len(' ~ member ~ ") - 6), N'\\/', N'/') else "
    ~ row ~ '.value end) collate ' ~ profiles_sync.bytewise_collation() ~ ' as varchar(max))'
  ) -}}
{% endmacro %}

{#- PartiQL navigation; `json_paths` made it mind the case of keys. A blank key has no name there, nor has one beyond 127 bytes: nothing is
    found at such a path. -#}
{% macro redshift__json_path_value(column, paths, i, document) %}
  {%- set value = namespace(sql=column, named=true) -%}
  {%- for key in paths[i] -%}
    {%- set value.named = value.named and key and key.encode() | length <= 127 -%}
    {%- set value.sql = value.sql ~ '."' ~ key | replace('"', '""') ~ '"' -%}
  {%- endfor -%}
  {{- return(value.sql if value.named else 'cast(null as super)') -}}
{% endmacro %}
