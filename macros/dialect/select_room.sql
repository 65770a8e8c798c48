{#- Most values of registered paths that one SELECT takes beside the columns of every row; 0: no limit. -#}
{% macro select_room() %}
  {{- return(adapter.dispatch('select_room', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__select_room() %}
  {{- return(0) -}}
{% endmacro %}

{#- 1,664 in all; Redshift has the same. -#}
{% macro postgres__select_room() %}
  {{- return(1600) -}}
{% endmacro %}
