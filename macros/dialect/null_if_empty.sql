{#- A text, or NULL for one without any character. -#}
{% macro null_if_empty(expression) %}
  {{- return(adapter.dispatch('null_if_empty', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__null_if_empty(expression) %}
  {{- return('nullif(' ~ expression ~ ", '')") -}}
{% endmacro %}

{#- A text of blanks equals '' there, but it is one, and its length says so. -#}
{% macro redshift__null_if_empty(expression) %}
  {{- return('case when octet_length(' ~ expression ~ ') > 0 then ' ~ expression ~ ' end') -}}
{% endmacro %}

{#- A text of blanks equals '' there, but it is one. -#}
{% macro sqlserver__null_if_empty(expression) %}
  {{- return('(select case when datalength(given.text_value) > 0 then given.text_value end from (select ' ~ expression ~ ' as text_value) as given)') -}}
{% endmacro %}

{% macro synapse__null_if_empty(expression) %}
  {{- return(profiles_sync.sqlserver__null_if_empty(expression)) -}}
{% endmacro %}
