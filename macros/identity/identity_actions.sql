{#- Numbers of the actions on identities after an event number, ascending. -#}
{% macro identity_actions_after(after) %}
  {%- set numbers = [] -%}
  {%- for row in run_query(
    'select event_no from ' ~ profiles_sync.contract_relation('identity_actions') ~ ' where event_no > ' ~ after ~ ' order by event_no'
  ).rows -%}
    {%- do numbers.append(row[0] | int) -%}
  {%- endfor -%}
  {{- return(numbers) -}}
{% endmacro %}

{#- Rows of `identity_mapping_log` for the identifiers that the actions at the end of a batch remove, after everything else of the batch is
    written: whoever owns one then loses it. One that nobody owns, or that is removed twice, makes no second row. -#}
{% macro removed_identifiers(batch, clock_ms) %}
  {%- set log = profiles_sync.contract_relation('identity_mapping_log') -%}
  select
    held.event_no,
    1 as row_no,
    {{ clock_ms }} as clock_ms,
    held.identifier_key,
    held.external_id_type,
    held.external_id_value,
    coalesce(moved.canonical_no, held.profile_no) as profile_no,
    coalesce(moved.canonical_no, held.profile_no) as stamp_no,
    'REMOVED' as operation
  from (
    select
      removals.event_no,
      log.identifier_key,
      log.external_id_type,
      log.external_id_value,
      log.profile_no,
      log.operation,
      row_number() over (partition by log.identifier_key order by log.event_no desc, log.row_no desc) as newest
    from (
      select identifier_key, min(event_no) as event_no
      from (
        select event_no, {{ profiles_sync.identifier_key('external_id_type', 'external_id_value') }} as identifier_key
        from {{ profiles_sync.contract_relation('identity_actions') }}
        where action = 'remove' and event_no > {{ batch.after }} and event_no <= {{ batch.upto }}
      ) as actions
      group by identifier_key
    ) as removals
    inner join {{ log }} as log on log.identifier_key = removals.identifier_key
  ) as held
  left join {{ profiles_sync.contract_relation('identity_canonical') }} as moved on moved.profile_no = held.profile_no
  where held.newest = 1 and held.operation = 'CREATED'
{% endmacro %}
