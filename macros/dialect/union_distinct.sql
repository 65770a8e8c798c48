{#- The set operator that drops doubled rows. -#}
{% macro union_distinct() %}
  {{- return(adapter.dispatch('union_distinct', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__union_distinct() %}
  {{- return('union') -}}
{% endmacro %}

{#- It wants the word spelled out. -#}
{% macro bigquery__union_distinct() %}
  {{- return('union distinct') -}}
{% endmacro %}
