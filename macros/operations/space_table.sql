{#- A public table of the space by name: for tables of track events, which no `ref` can name before they have come. -#}
{% macro space_table(name) %}
  {{- return(api.Relation.create(database=target.database, schema=profiles_sync.space_schema(), identifier=name, type='table')) -}}
{% endmacro %}
