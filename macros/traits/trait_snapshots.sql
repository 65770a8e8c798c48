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
    {%- set periods = profiles_sync.setting_periods('traits_updates_only_on_change') | selectattr('value') | list %}
    {%- if periods %}
    left join (
      select distinct written.owner_no, written.event_no
      from {{ changes }} as written
      where written.event_no > {{ slice.after }} and written.event_no <= {{ slice.upto }} and written.raw_path <> ''
    ) as changed on changed.owner_no = snapshots.owner_no and changed.event_no = snapshots.event_no
    {%- endif %}
    {%- for period in periods %}
    {{ 'where' if loop.first else 'and' }} (
      snapshots.event_no < {{ period.first }}
      {%- if period.last is not none %} or snapshots.event_no > {{ period.last }}{% endif %}
      or changed.event_no is not null
    )
    {%- endfor %}
  )
{% endmacro %}
