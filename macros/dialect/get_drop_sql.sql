{#- dbt's statement that drops a table or a view. Before a view the adapter asks which views stand on it, to drop them too: the list of those is
    for owners of the database only, and ours are made anew by themselves. -#}
{% macro sqlserver__get_drop_sql(relation) %}
  {{ get_use_database_sql(relation.database) }}
  exec('drop {{ relation.type }} if exists {{ relation.include(database=false) }};')
{% endmacro %}
