{#- A contract table by name, as it is called in SQL. -#}
{% macro contract_relation(name) %}
  {%- set table = profiles_sync.contract_tables()[name] -%}
  {{- return(api.Relation.create(
    database=target.database,
    schema=profiles_sync.space_schema(table.part),
    identifier=name ~ (profiles_sync.shadow_suffix() if table.get('rebuilt') else ''),
    type='table'
  )) -}}
{% endmacro %}
