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
    {%- set days = [] -%}
    {%- for day, first_no, last_no in profiles_sync.days_landed(slice.after) if last_no > slice.after and first_no <= slice.upto -%}
      {%- do days.append(day | string) -%}
    {%- endfor -%}
    {%- do slice.update({'days': [days | min, days | max] if days else none}) -%}
  {%- endif -%}
  {%- if slice.days is none -%}
    {{- return('') -}}
  {%- endif -%}
  {{- return(' and ' ~ alias ~ ".landed_on between date '" ~ slice.days[0] ~ "' and date '" ~ slice.days[1] ~ "'") -}}
{% endmacro %}

{#- Days on which events above a number landed, with their first and last number. Read once for all models that ask for no earlier number. -#}
{% macro days_landed(after) %}
  {%- set memory = profiles_sync.run_memory() -%}
  {%- set known = memory.get('days_landed') -%}
  {%- if known is none or after < known.after -%}
    {%- set known = {'after': after, 'rows': run_query(
      'select date(loads.loaded_at) as landed_on, min(loads.first_event_no) as first_no, max(loads.last_event_no) as last_no from '
      ~ profiles_sync.contract_relation('loads') ~ ' as loads where loads.last_event_no > ' ~ after ~ ' group by landed_on'
    ).rows} -%}
    {%- do memory.update({'days_landed': known}) -%}
  {%- endif -%}
  {{- return(known.rows) -}}
{% endmacro %}
