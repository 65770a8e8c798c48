{#- Ends the transaction that dbt holds on this connection; one is begun first where none is, so that it can be called at any time. -#}
{% macro commit() %}
  {% call statement('touch', auto_begin=true) %} select 1 {% endcall %}
  {%- do adapter.commit() -%}
{% endmacro %}
