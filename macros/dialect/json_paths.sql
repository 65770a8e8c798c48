{#- Many values out of one JSON document, parsed once a row: select `json_paths(payload, paths)` in an inner query, read value number `i`
    (from 0) in the query around it with `json_path_value(that column, paths, i)`, which is JSON: NULL when absent, JSON null when null.
    A path is a list of keys. -#}
{% macro json_paths(document, paths) %}
  {{- return(adapter.dispatch('json_paths', 'profiles_sync')(document, paths)) -}}
{% endmacro %}

{% macro default__json_paths(document, paths) %}
  {{- return(document) -}}
{% endmacro %}

{#- Parsed here, once; the stored text keeps the order of keys. -#}
{% macro postgres__json_paths(document, paths) %}
  {{- return('cast(' ~ document ~ ' as jsonb)') -}}
{% endmacro %}

{#- One call with a list of pointers reads the text once. -#}
{% macro duckdb__json_paths(document, paths) %}
  {%- set pointers = [] -%}
  {%- for path in paths -%}
    {%- do pointers.append(profiles_sync.text_literal(profiles_sync.json_pointer(path))) -%}
  {%- endfor -%}
  {{- return('json_extract(' ~ document ~ ', [' ~ pointers | join(', ') ~ '])') -}}
{% endmacro %}

{#- RFC 6901 pointer of a list of keys. -#}
{% macro json_pointer(path) %}
  {%- set steps = [] -%}
  {%- for key in path -%}
    {%- do steps.append('/' ~ (key | replace('~', '~0') | replace('/', '~1'))) -%}
  {%- endfor -%}
  {{- return(steps | join('')) -}}
{% endmacro %}

{#- The text for the values, and parsed for the one thing that cannot be asked of a text: whether null stands at a path or nothing.
    Of numbers that are no double the parsed one is rounded. -#}
{% macro bigquery__json_paths(document, paths) %}
  {{- return('struct(' ~ document ~ ' as document, safe.parse_json(' ~ document ~ ", wide_number_mode => 'round') as parsed)") -}}
{% endmacro %}

{#- `openjson` refuses a document that is neither an array nor an object; nothing is found in one. -#}
{% macro sqlserver__json_paths(document, paths) %}
  {{- return('case when substring(' ~ document ~ ", 1, 1) in ('{', '[') then " ~ document ~ ' end') -}}
{% endmacro %}

{% macro synapse__json_paths(document, paths) %}
  {{- return(profiles_sync.sqlserver__json_paths(document, paths)) -}}
{% endmacro %}

{#- Without the settings the keys of a path, which are quoted names, are read in lower case. They hold for the session, and each model may have
    one of its own. -#}
{% macro redshift__json_paths(document, paths) %}
  {%- if execute -%}
    {%- do run_query('set enable_case_sensitive_identifier to true') -%}
    {%- do run_query('set enable_case_sensitive_super_attribute to true') -%}
  {%- endif -%}
  {{- return(document) -}}
{% endmacro %}
