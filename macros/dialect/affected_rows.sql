{#- Rows that the statement of this name wrote (`load_result`'s name). -#}
{% macro affected_rows(statement_name) %}
  {{- return(adapter.dispatch('affected_rows', 'profiles_sync')(load_result(statement_name))) -}}
{% endmacro %}

{% macro default__affected_rows(result) %}
  {%- if result.response.rows_affected is none -%}
    {{ exceptions.raise_compiler_error('the warehouse did not say how many rows a statement wrote: ' ~ result.response) }}
  {%- endif -%}
  {{- return(result.response.rows_affected | int) -}}
{% endmacro %}

{#- DuckDB answers a write with a one-cell table instead. -#}
{% macro duckdb__affected_rows(result) %}
  {{- return(result.table.rows[0][0] | int if result.table.rows else 0) -}}
{% endmacro %}

{#- A script says nothing of its statements; ours end with the number as their result. -#}
{% macro bigquery__affected_rows(result) %}
  {{- return(result.table.rows[0][0] | int if result.table.rows else profiles_sync.default__affected_rows(result)) -}}
{% endmacro %}
