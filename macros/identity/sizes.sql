{#- Step 4, `work_sizes`: what each profile that is touched holds, by check: `MERGE` the profiles of its family, `MAPPING` its identifiers,
    and its identifiers of each type; of a type whose limit slides, by the clock they were added at. The second look-up into state, by
    profile. Checks other than types are named in capitals, which no type has. -#}
{% macro identity_sizes(batch, touches) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  profiles as (
    select distinct element, {{ profiles_sync.profile_of('element') }} as profile_no
    from {{ touches }}
    where {{ profiles_sync.modulo('element', stride) }} = 0
  ),
  families as (
    select element, profile_no from profiles
    union all
    select profiles.element, moved.profile_no
    from profiles
    inner join {{ profiles_sync.contract_relation('identity_canonical') }} as moved on moved.canonical_no = profiles.profile_no
  ),
  changes as (
    select
      families.element,
      log.external_id_type,
      log.clock_ms,
      log.operation,
      row_number() over (partition by log.identifier_key order by log.event_no desc, log.row_no desc) as newest
    from families
    inner join {{ profiles_sync.contract_relation('identity_mapping_log') }} as log on log.profile_no = families.profile_no
  ),
  held as (
    select
      changes.element,
      changes.external_id_type,
      case when {{ profiles_sync.rule_window_ms(settings, 'rules') }} is not null then changes.clock_ms end as added_ms
    from changes
    left join rules on rules.external_id_type = changes.external_id_type
    where changes.newest = 1 and changes.operation = 'CREATED'
  )
  select element, 'MERGE' as check_name, cast(null as {{ profiles_sync.column_type('bigint') }}) as added_ms, count(*) as n
  from families
  group by element
  union all
  select element, 'MAPPING' as check_name, cast(null as {{ profiles_sync.column_type('bigint') }}) as added_ms, count(*) as n
  from held
  group by element
  union all
  select element, external_id_type as check_name, added_ms, count(*) as n
  from held
  group by element, external_id_type, added_ms
{% endmacro %}

{#- Profile number of a profile's label. A label is a multiple of the stride below 2^53, so any kind of division is exact. -#}
{% macro profile_of(label) %}
  {{- return('cast(' ~ label ~ ' / ' ~ profiles_sync.identity_stride() ~ ' as ' ~ profiles_sync.column_type('bigint') ~ ')') -}}
{% endmacro %}

{#- CTE body: the sizes of elements with those that the diary has added: identifiers, and profiles created. Needs the CTE `rules`. -#}
{% macro element_sizes(settings) -%}
    select element, check_name, added_ms, n from work_sizes
    union all
    select element, 'MERGE' as check_name, cast(null as {{ profiles_sync.column_type('bigint') }}) as added_ms, 1 as n from work_steps where kind = 'created'
    union all
    select element, 'MAPPING' as check_name, cast(null as {{ profiles_sync.column_type('bigint') }}) as added_ms, 1 as n from work_steps where kind = 'added'
    union all
    select
      added.element,
      added.external_id_type as check_name,
      case when {{ profiles_sync.rule_window_ms(settings, 'rules') }} is not null then added.clock_ms end as added_ms,
      1 as n
    from work_steps as added
    left join rules on rules.external_id_type = added.external_id_type
    where added.kind = 'added'
{%- endmacro %}
