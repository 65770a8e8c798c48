{#- What the next statements do: `lookups` of few keys in large tables, or `joins` of whole work tables. For planners that must be told. -#}
{% macro plan_for(work) %}
  {{- return(adapter.dispatch('plan_for', 'profiles_sync')(work)) -}}
{% endmacro %}

{% macro default__plan_for(work) %}
{% endmacro %}

{#- A CTE has no statistics: the planner takes it for tiny and chooses nested loops, which are quadratic in a round. And where the server compiles
    expressions (`jit`), those of a table with many columns take it minutes, for rows that are read in seconds. For the session, not with
    `local`: after a COMMIT that dbt sends, its driver begins no transaction by itself, and each statement is one of its own. -#}
{% macro postgres__plan_for(work) %}
  {%- do run_query('set jit = off; set enable_nestloop = ' ~ ('on' if work == 'lookups' else 'off')) -%}
{% endmacro %}

{#- It hashes joins. -#}
{% macro redshift__plan_for(work) %}
{% endmacro %}
