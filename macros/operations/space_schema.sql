{#- Schema of the space: `space_schema()` is the public one, `space_schema('staging')` and `space_schema('ops')` the others. -#}
{% macro space_schema(part=none) %}
  {{- return(target.schema ~ ('_' ~ part if part else '')) -}}
{% endmacro %}
