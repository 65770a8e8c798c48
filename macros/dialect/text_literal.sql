{#- A text as an SQL literal. -#}
{% macro text_literal(value) %}
  {{- return(adapter.dispatch('text_literal', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro default__text_literal(value) %}
  {{- return("'" ~ (value | string | replace("'", "''")) ~ "'") -}}
{% endmacro %}
