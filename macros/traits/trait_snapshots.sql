{#- Subquery with the events of this slice that give a snapshot of traits: `event_no`, `owner_no`. That is every identify that carries a
    trait, and every merge whose loser has any; with `traits_updates_only_on_change`, of both only those that change one. -#}
{% macro trait_snapshots(slice) %}
  {%- set changes = ref('profiles_sync', 'profile_trait_changes') -%}
  (
    select snapshots.event_no, snapshots.owner_no
    from (
      select carried.event_no, carried.owner_no
      from {{ changes }} as carried
      where carried.event_no > {{ slice.after }} and carried.event_no <= {{ slice.upto }}
        and carried.raw_path = '' and carried.written_no = carried.event_no
      {{ profiles_sync.union_distinct() }}
      select moves.event_no, moves.canonical_no as owner_no
      from {{ profiles_sync.trait_moves(slice) }} as moves
      inner join {{ changes }} as had on had.owner_no = moves.profile_no and had.event_no < moves.event_no
    ) as snapshots
    {%- for period in profiles_sync.only_on_change_periods() %}
    {{ 'where' if loop.first else 'and' }} (
      snapshots.event_no < {{ period.first }}
      {%- if period.last is not none %} or snapshots.event_no > {{ period.last }}{% endif %}
      or exists (
        select 1 from {{ changes }} as changed
        where changed.owner_no = snapshots.owner_no and changed.event_no = snapshots.event_no and changed.raw_path <> ''
      )
    )
    {%- endfor %}
  )
{% endmacro %}

{#- Stretches of events for which `traits_updates_only_on_change` is set: `first` and `last` event number, `last` none for the present. -#}
{% macro only_on_change_periods() %}
  {%- set periods = [] -%}
  {%- if execute -%}
    {%- set versions = run_query(
      'select from_event_no, settings from ' ~ profiles_sync.contract_relation('settings_history') ~ ' order by version'
    ).rows -%}
    {%- for version in versions -%}
      {%- if fromjson(version[1]).traits_updates_only_on_change -%}
        {%- do periods.append({'first': version[0] | int, 'last': (versions[loop.index][0] | int) - 1 if not loop.last else none}) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(periods) -}}
{% endmacro %}
