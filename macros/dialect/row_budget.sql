{#- Bytes that a row has for its registered columns; none where an engine has no such limit. -#}
{% macro row_budget() %}
  {{- return(adapter.dispatch('row_budget', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__row_budget() %}
  {{- return(none) -}}
{% endmacro %}

{#- 8,160 bytes less 224 of a header with a bit for each of 1,600 columns, and 280 of fixed columns: what has more than 24 bytes is moved
    out of the row, and leaves 18. -#}
{% macro postgres__row_budget() %}
  {{- return(7600) -}}
{% endmacro %}

{#- It stores columns, not rows. -#}
{% macro redshift__row_budget() %}
  {{- return(none) -}}
{% endmacro %}
