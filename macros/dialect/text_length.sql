{#- Number of characters of a text. -#}
{% macro text_length(expression) %}
  {{- return(adapter.dispatch('text_length', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__text_length(expression) %}
  {{- return('length(' ~ expression ~ ')') -}}
{% endmacro %}

{#- It does not count blanks at the end. -#}
{% macro sqlserver__text_length(expression) %}
  {{- return('(len(' ~ expression ~ " + '|') - 1)") -}}
{% endmacro %}

{% macro synapse__text_length(expression) %}
  {{- return(profiles_sync.sqlserver__text_length(expression)) -}}
{% endmacro %}

{#- A length that reaches to the end of any text. -#}
{% macro any_length() %}
  {{- return(1000000000) -}}
{% endmacro %}
