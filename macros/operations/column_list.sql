{#- Names as a quoted, comma-separated list; `prefix` is an alias to put before each. -#}
{% macro column_list(names, prefix=none) %}
  {%- set out = [] -%}
  {%- for name in names -%}
    {%- do out.append((prefix ~ '.' if prefix else '') ~ profiles_sync.quote_column(name)) -%}
  {%- endfor -%}
  {{- return(out | join(', ')) -}}
{% endmacro %}
