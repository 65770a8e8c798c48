{#- A rebuild replays into shadow tables beside the live ones and swaps them in at its end. While it runs, every rebuilt table's name
    carries this suffix; otherwise it is empty. -#}
{% macro shadow_suffix() %}
  {{- return(env_var('PROFILES_SYNC_SHADOW', '')) -}}
{% endmacro %}

{#- The public name of the model being built: its identifier without the suffix of a rebuild. -#}
{% macro table_name(relation) %}
  {%- set suffix = profiles_sync.shadow_suffix() -%}
  {%- set name = relation.identifier -%}
  {{- return(name[:-(suffix | length)] if suffix and name.endswith(suffix) else name) -}}
{% endmacro %}

{#- Staging models are views on what a rebuild keeps; they have no shadow. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) %}
  {%- set alias = custom_alias_name | trim if custom_alias_name else node.name -%}
  {{- return(alias ~ (profiles_sync.shadow_suffix() if node.resource_type == 'model' and not node.name.startswith('stg_') else '')) -}}
{% endmacro %}

{#- A contract table as readers see it, also while a rebuild writes its shadow. -#}
{% macro live_relation(name) %}
  {%- set table = profiles_sync.contract_tables()[name] -%}
  {{- return(api.Relation.create(
    database=target.database, schema=profiles_sync.space_schema(table.part), identifier=name, type='table'
  )) -}}
{% endmacro %}
