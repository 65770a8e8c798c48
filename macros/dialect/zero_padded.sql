{#- A non-negative whole number as text of a fixed width, zeroes in front. -#}
{% macro zero_padded(expression, width) %}
  {{- return(adapter.dispatch('zero_padded', 'profiles_sync')(expression, width)) -}}
{% endmacro %}

{% macro default__zero_padded(expression, width) %}
  {{- return("lpad(cast(" ~ expression ~ " as " ~ profiles_sync.column_type('id') ~ "), " ~ width ~ ", '0')") -}}
{% endmacro %}

{% macro sqlserver__zero_padded(expression, width) %}
  {{- return("right('" ~ '0' * width ~ "' + cast(" ~ expression ~ " as varchar(20)), " ~ width ~ ")") -}}
{% endmacro %}

{% macro synapse__zero_padded(expression, width) %}
  {{- return(profiles_sync.sqlserver__zero_padded(expression, width)) -}}
{% endmacro %}
