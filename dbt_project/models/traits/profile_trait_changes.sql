{#- A running maximum over what becomes visible at each profile: its own writes at their events, those of a merged one at the merge. What a
    profile had before the slice stands first; only what is newer than all before it makes a row. -#}
{{ config(
  materialized='append_events',
  schema='staging',
  unique_key=['owner_no', 'raw_path', 'event_no'],
  indexes=[['event_no']],
  meta={'dagster': {'group': 'staging'}, 'sync_group': none}
) }}
{%- set slice = profiles_sync.event_slice(made_of='identify_traits') %}
{%- set writes = ref('profiles_sync', 'identify_traits') %}
{%- set columns = ['raw_path', 'clock_ms', 'received_at', 'timestamp', 'write_key', 'value'] %}
{{ profiles_sync.slice_header(slice) }}
select
  ranked.owner_no,
  {{ profiles_sync.column_list(columns, 'ranked') }},
  ranked.written_no,
  ranked.event_no
from (
  select
    visible.owner_no,
    visible.event_no,
    visible.written_no,
    {{ profiles_sync.column_list(columns, 'visible') }},
    max({{ profiles_sync.bytewise('visible.write_key') }}) over (
      partition by visible.owner_no, visible.raw_path
      order by visible.event_no
      rows between unbounded preceding and 1 preceding
    ) as newest_before
  from (
    select
      candidates.owner_no,
      candidates.event_no,
      candidates.written_no,
      {{ profiles_sync.column_list(columns, 'candidates') }},
      row_number() over (
        partition by candidates.owner_no, candidates.raw_path, candidates.event_no
        order by {{ profiles_sync.bytewise('candidates.write_key') }} desc
      ) as place
    from (
      select own.profile_no as owner_no, own.event_no, own.event_no as written_no, {{ profiles_sync.column_list(columns, 'own') }}
      from {{ writes }} as own
      where own.event_no > {{ slice.after }} and own.event_no <= {{ slice.upto }}
      union all
      select moves.canonical_no as owner_no, moves.event_no, moved.event_no as written_no, {{ profiles_sync.column_list(columns, 'moved') }}
      from {{ writes }} as moved
      inner join {{ profiles_sync.trait_moves(slice) }} as moves
        on moves.profile_no = moved.profile_no and moves.event_no > moved.event_no
      where moved.event_no > {{ slice.after }} and moved.event_no <= {{ slice.upto }}
      {%- if profiles_sync.is_built() %}
      union all
      select moves.canonical_no as owner_no, moves.event_no, moved.written_no, {{ profiles_sync.column_list(columns, 'moved') }}
      from {{ profiles_sync.trait_state(this, slice, 'select profile_no as owner_no from ' ~ profiles_sync.trait_moves(slice) ~ ' as merged') }} as moved
      inner join {{ profiles_sync.trait_moves(slice) }} as moves on moves.profile_no = moved.owner_no
      union all
      select held.owner_no, 0 as event_no, held.written_no, {{ profiles_sync.column_list(columns, 'held') }}
      from {{ profiles_sync.trait_state(
        this,
        slice,
        'select profile_no as owner_no from ' ~ writes ~ ' where event_no > ' ~ slice.after ~ ' and event_no <= ' ~ slice.upto
        ~ ' ' ~ profiles_sync.union_distinct() ~ ' select canonical_no as owner_no from ' ~ profiles_sync.trait_moves(slice) ~ ' as merged'
      ) }} as held
      {%- endif %}
    ) as candidates
  ) as visible
  where visible.place = 1
) as ranked
where ranked.event_no > 0
  and (ranked.newest_before is null or {{ profiles_sync.bytewise('ranked.write_key') }} > ranked.newest_before)
