{#- Condition on the days when raw events of a slice landed, to stand after the one on their numbers: the partitions to be read, as literals. A
    slice is a mapping with `after` and `upto`; the days are kept in it. Begins with ` and`, or is blank where nothing is gained. -#}
{% macro landing_days(alias, slice) %}
  {{- return(adapter.dispatch('landing_days', 'profiles_sync')(alias, slice)) -}}
{% endmacro %}

{#- Zone maps, indexes and sort keys of the numbers say where the rows are. -#}
{% macro default__landing_days(alias, slice) %}
  {{- return('') -}}
{% endmacro %}

{#- It bills whole partitions, and leaves out only those that a literal of their own column excludes. -#}
{% macro bigquery__landing_days(alias, slice) %}
  {%- if not execute or slice.upto <= slice.after -%}
    {{- return('') -}}
  {%- endif -%}
  {%- if 'days' not in slice -%}
    {%- set found = run_query(
      'select min(date(loads.loaded_at)) as first_day, max(date(loads.loaded_at)) as last_day from ' ~ profiles_sync.contract_relation('loads')
      ~ ' as loads where loads.last_event_no > ' ~ slice.after ~ ' and loads.first_event_no <= ' ~ slice.upto
    ).rows[0] -%}
    {%- do slice.update({'days': [found[0] | string, found[1] | string] if found[0] is not none else none}) -%}
  {%- endif -%}
  {%- if slice.days is none -%}
    {{- return('') -}}
  {%- endif -%}
  {{- return(' and ' ~ alias ~ ".landed_on between date '" ~ slice.days[0] ~ "' and date '" ~ slice.days[1] ~ "'") -}}
{% endmacro %}
