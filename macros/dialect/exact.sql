{#- A text as two are compared for equality with their blanks at the end, where they would else not count. -#}
{% macro exact(expression) %}
  {{- return(adapter.dispatch('exact', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__exact(expression) %}
  {{- return(expression) -}}
{% endmacro %}

{#- 'a' = 'a ' there, in every collation. -#}
{% macro sqlserver__exact(expression) %}
  {{- return('(' ~ expression ~ " + '|')") -}}
{% endmacro %}

{% macro synapse__exact(expression) %}
  {{- return(profiles_sync.sqlserver__exact(expression)) -}}
{% endmacro %}

{#- The same there. -#}
{% macro redshift__exact(expression) %}
  {{- return('(' ~ expression ~ " || '|')") -}}
{% endmacro %}
