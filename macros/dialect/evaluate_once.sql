{#- Ends an inner query whose expressions the query around it uses several times, where an engine would else repeat them. -#}
{% macro evaluate_once() %}
  {{- return(adapter.dispatch('evaluate_once', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__evaluate_once() %}
  {{- return('') -}}
{% endmacro %}

{#- The planner pulls a plain inner query up into the outer one and copies its expressions. -#}
{% macro postgres__evaluate_once() %}
  {{- return('offset 0') -}}
{% endmacro %}

{#- Postgres' way would only sort there. -#}
{% macro redshift__evaluate_once() %}
  {{- return('') -}}
{% endmacro %}
