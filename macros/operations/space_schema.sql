{#- Schema of the space: `space_schema()` is the public one, `space_schema('staging')` and `space_schema('ops')` the others. -#}
{% macro space_schema(part=none) %}
  {{- return(target.schema ~ ('_' ~ part if part else '')) -}}
{% endmacro %}

{#- A model's own schema is a part of the space too, on every adapter: dbt-sqlserver's default would leave the space out. -#}
{% macro generate_schema_name(custom_schema_name=none, node=none) %}
  {{- return(target.schema ~ ('_' ~ custom_schema_name | trim if custom_schema_name else '')) -}}
{% endmacro %}
