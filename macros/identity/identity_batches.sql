{#- The batches that this run processes: the events above `after` up to `last`, cut where other settings come into force. Each is a mapping:
    `after` < event number <= `upto`, the `version` of the settings and the `settings`. With the variable `with_current_rules` the newest
    settings hold for all. -#}
{% macro identity_batches(after, last) %}
  {%- set batches = [] -%}
  {%- set versions = profiles_sync.settings_versions() -%}
  {%- if last > after and not versions -%}
    {{ exceptions.raise_compiler_error('There are no settings yet: run `profiles-sync sync`, or `dbt build`, which records them.') }}
  {%- endif -%}
  {%- if var('with_current_rules', false) -%}
    {%- set versions = versions[-1:] -%}
  {%- endif -%}
  {%- for version in versions -%}
    {%- set first = after if loop.first else [after, version.from_event_no - 1] | max -%}
    {%- set upto = last if loop.last else [last, loop.nextitem.from_event_no - 1] | min -%}
    {%- if upto > first -%}
      {%- do batches.append({'after': first, 'upto': upto, 'version': version.version, 'settings': version.settings}) -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(batches) -}}
{% endmacro %}
