{#- Remainder of a whole number. -#}
{% macro modulo(expression, divisor) %}
  {{- return(adapter.dispatch('modulo', 'profiles_sync')(expression, divisor)) -}}
{% endmacro %}

{% macro default__modulo(expression, divisor) %}
  {{- return('mod(' ~ expression ~ ', ' ~ divisor ~ ')') -}}
{% endmacro %}

{#- It has an operator for this. -#}
{% macro sqlserver__modulo(expression, divisor) %}
  {{- return('(' ~ expression ~ ') % ' ~ divisor) -}}
{% endmacro %}

{% macro synapse__modulo(expression, divisor) %}
  {{- return(profiles_sync.sqlserver__modulo(expression, divisor)) -}}
{% endmacro %}
