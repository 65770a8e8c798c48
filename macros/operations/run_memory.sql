{#- What the models of one dbt run need alike is asked of the warehouse once: a mapping that all of them share and that ends with the run. dbt's
    `graph` is the one object that they share. -#}
{% macro run_memory() %}
  {{- return(graph.setdefault('profiles_sync ' ~ invocation_id, {})) -}}
{% endmacro %}

{#- Asks, before the first model, what all of them want to know: those that start together would each ask for themselves. -#}
{% macro fill_run_memory() %}
  {%- set identity = 'model.profiles_sync.identity_resolution' -%}
  {%- set node = graph.nodes[identity] -%}
  {%- set resolution = adapter.get_relation(node.database, node.schema, node.alias) if identity in selected_resources else none -%}
  {%- do profiles_sync.recorded_settings(profiles_sync.identity_position(resolution) if resolution is not none else {}) -%}
  {%- do profiles_sync.table_facts() -%}
  {%- do profiles_sync.registry_rows(profiles_sync.tables_built()[0], 'active') -%}
{% endmacro %}

{#- Rows of a query whose answer stays the same while the run goes on, but for what the run itself then writes into the memory. -#}
{% macro remembered_rows(query) %}
  {%- set memory = profiles_sync.run_memory() -%}
  {%- if query not in memory -%} {%- do memory.update({query: run_query(query).rows}) -%} {%- endif -%}
  {{- return(memory[query]) -}}
{% endmacro %}
