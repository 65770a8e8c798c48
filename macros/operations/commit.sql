{#- Ends the transaction that dbt holds on this connection; one is begun first where none is, so that it can be called at any time. -#}
{% macro commit() %}
  {{- return(adapter.dispatch('commit', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__commit() %}
  {% call statement('touch', auto_begin=true) %} select 1 {% endcall %}
  {%- do adapter.commit() -%}
{% endmacro %}

{#- Each statement there is committed when it ends. -#}
{% macro bigquery__commit() %}
{% endmacro %}

{#- dbt works with autocommit there. -#}
{% macro snowflake__commit() %}
{% endmacro %}

{#- dbt works with autocommit there. -#}
{% macro sqlserver__commit() %}
{% endmacro %}

{% macro synapse__commit() %}
{% endmacro %}
