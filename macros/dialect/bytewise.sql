{#- A text expression that compares and sorts by its bytes. -#}
{% macro bytewise(expression) %}
  {{- return(adapter.dispatch('bytewise', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__bytewise(expression) %}
  {{- return(expression) -}}
{% endmacro %}

{#- The database's collation may be any. -#}
{% macro postgres__bytewise(expression) %}
  {{- return('(' ~ expression ~ ') collate "C"') -}}
{% endmacro %}
