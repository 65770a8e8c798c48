{#- Touched are the profiles created or merged in the slice, and those with a new snapshot. A profile that merges later in the same slice is
    merged; a canonical one shows its traits as of the end of the slice, from its whole history, since a trait may long have been there. -#}
{{ config(materialized='current_state', unique_key='canonical_segment_id', indexes=[['merged_to']]) }}
{%- set slice = profiles_sync.event_slice(made_of='profile_trait_changes') %}
{%- set columns = profiles_sync.profile_trait_columns() %}
{%- set sure = profiles_sync.sure_columns(columns) %}
{%- set types = profiles_sync.column_types_of(columns) %}
{%- set log = profiles_sync.contract_relation('identity_graph_log') %}
{{ profiles_sync.slice_header(slice, types, ['canonical_segment_id'] + types.keys() | list + ['merged_to', 'seq', 'uuid_ts', 'timestamp', 'etl_ts']) }}
select
  profiles.segment_id as canonical_segment_id
  {%- for column in columns %},
  {%- set value = profiles_sync.json_as('touched.value_' ~ loop.index0, column.type, column.nested) %}
  {{ profiles_sync.if_fitting(loop.index, sure, 'touched', value) }} as {{ profiles_sync.quote_column(column.name) }}
  {%- endfor %},
  winners.segment_id as merged_to,
  case when clock.event_no is not null then {{ profiles_sync.seq('clock') }} end as seq,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  events.{{ profiles_sync.quote_column('timestamp') }},
  {{ profiles_sync.now_utc() }} as etl_ts,
  cast('upsert' as {{ profiles_sync.column_type('id') }}) as _action
from {% set touched %}(
  select
    rows_of.owner_no,
    rows_of.merged_no,
    rows_of.snapshot_no
    {%- for column in columns %},
    {{ profiles_sync.trait_cell_value('rows_of.cell_' ~ loop.index0) }} as value_{{ loop.index0 }}
    {%- endfor %}
  from (
    select
      parts.owner_no,
      max(parts.merged_no) as merged_no,
      max(parts.snapshot_no) as snapshot_no
      {%- for column in columns %},
      max({{ profiles_sync.bytewise('case when parts.column_name = ' ~ profiles_sync.text_literal(column.name) ~ ' then parts.cell end') }}) as cell_{{ loop.index0 }}
      {%- endfor %}
    from (
      select
        newest.profile_no as owner_no,
        case when newest.canonical_no <> newest.profile_no then newest.canonical_no end as merged_no,
        cast(null as {{ profiles_sync.column_type('bigint') }}) as snapshot_no,
        cast(null as {{ profiles_sync.column_type('text') }}) as column_name,
        cast(null as {{ profiles_sync.column_type('text') }}) as cell
      from (
        select profile_no, canonical_no, row_number() over (partition by profile_no order by event_no desc, row_no desc) as age
        from {{ log }}
        where event_no > {{ slice.after }} and event_no <= {{ slice.upto }}
      ) as newest
      where newest.age = 1
      union all
      select asked.owner_no, null as merged_no, asked.event_no as snapshot_no, null as column_name, null as cell
      from {{ profiles_sync.trait_snapshots(slice) }} as asked
      left join {{ profiles_sync.trait_moves(slice) }} as moves on moves.profile_no = asked.owner_no
      where moves.profile_no is null
      union all
      select changes.owner_no, null as merged_no, null as snapshot_no, decided.column_name, {{ profiles_sync.trait_cell('changes', 'decided') }} as cell
      from {{ ref('profiles_sync', 'profile_trait_changes') }} as changes
      inner join (
        select distinct asked.owner_no
        from {{ profiles_sync.trait_snapshots(slice) }} as asked
        left join {{ profiles_sync.trait_moves(slice) }} as moves on moves.profile_no = asked.owner_no
        where moves.profile_no is null
      ) as owners on owners.owner_no = changes.owner_no
      inner join {{ profiles_sync.trait_columns() }} as decided on decided.raw_path = changes.raw_path
      where changes.event_no <= {{ slice.upto }}
    ) as parts
    group by parts.owner_no
  ) as rows_of
  {{ profiles_sync.evaluate_once() }}
){% endset %}
{{- profiles_sync.with_fitting(touched, columns, sure) }} as touched
inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles on profiles.profile_no = touched.owner_no
left join {{ profiles_sync.contract_relation('identity_profiles') }} as winners on winners.profile_no = touched.merged_no
left join (
  select event_no, clock_ms, 1 as row_no
  from {{ profiles_sync.contract_relation('identity_events') }}
  where event_no > {{ slice.after }} and event_no <= {{ slice.upto }}
) as clock on clock.event_no = touched.snapshot_no
left join {{ ref('profiles_sync', 'stg_events') }} as events
  on events.event_no = touched.snapshot_no and events.event_no > {{ slice.after }} and events.event_no <= {{ slice.upto }}{{ profiles_sync.landing_days('events', slice) }}
