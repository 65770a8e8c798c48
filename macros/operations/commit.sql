{#- Ends the transaction that dbt holds on this connection; one is begun first where none is, so that it can be called at any time. -#}
{% macro commit() %}
  {{- return(adapter.dispatch('commit', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__commit() %}
  {% call statement('touch', auto_begin=true) %} select 1 {% endcall %}
  {%- do adapter.commit() -%}
{% endmacro %}

{#- dbt sends COMMIT there, but never BEGIN: it leaves that to its driver, which does not notice that a transaction has ended. Every statement after
    would stand alone. -#}
{% macro postgres__commit() %}
  {% call statement('commit', auto_begin=true) %} commit; begin {% endcall %}
{% endmacro %}

{#- Its driver leaves transactions to dbt, which sends BEGIN too. -#}
{% macro redshift__commit() %}
  {{- return(profiles_sync.default__commit()) -}}
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
