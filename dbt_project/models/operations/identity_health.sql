{#- A view: a table would be made anew from the whole history every hour. -#}
{{ config(materialized='view') }}
-- depends_on: {{ ref('identity_resolution') }}
{%- set text = profiles_sync.column_type('text') %}
with canonical as (
  select profiles.profile_no, coalesce(moved.canonical_no, profiles.profile_no) as canonical_no
  from {{ profiles_sync.contract_relation('identity_profiles') }} as profiles
  left join {{ profiles_sync.contract_relation('identity_canonical') }} as moved on moved.profile_no = profiles.profile_no
),
latest as (
  select
    identifier_key,
    external_id_type,
    profile_no,
    operation,
    row_number() over (partition by identifier_key order by event_no desc, row_no desc) as age
  from {{ profiles_sync.contract_relation('identity_mapping_log') }}
),
identifiers as (
  select latest.external_id_type, canonical.canonical_no
  from latest
  inner join canonical on canonical.profile_no = latest.profile_no
  where latest.age = 1 and latest.operation = 'CREATED'
),
sizes as (
  select canonical.canonical_no, count(identifiers.external_id_type) as n
  from (select distinct canonical_no from canonical) as canonical
  left join identifiers on identifiers.canonical_no = canonical.canonical_no
  group by canonical.canonical_no
),
ranked as (
  select n, row_number() over (order by n, canonical_no) as place, count(*) over () as profiles from sizes
),
widest as (
  select violation, external_id_type, external_id_value, count(*) as n,
    row_number() over (order by count(*) desc, external_id_type, external_id_value, violation) as place
  from {{ profiles_sync.contract_relation('identity_violations') }}
  where external_id_value is not null
  group by violation, external_id_type, external_id_value
),
metrics as (
  select 'profiles' as metric, cast(null as {{ text }}) as external_id_type, cast(null as {{ text }}) as detail, 1.0 * count(*) as amount
  from sizes
  union all
  select 'profiles_merged', cast(null as {{ text }}), cast(null as {{ text }}), 1.0 * sum(case when profile_no <> canonical_no then 1 else 0 end)
  from canonical
  union all
  select 'merged_share', cast(null as {{ text }}), cast(null as {{ text }}),
    1.0 * sum(case when profile_no <> canonical_no then 1 else 0 end) / nullif(count(*), 0)
  from canonical
  union all
  select 'identifiers', external_id_type, cast(null as {{ text }}), 1.0 * count(*)
  from identifiers
  group by external_id_type
  union all
  select 'identifiers_per_profile_p50', cast(null as {{ text }}), cast(null as {{ text }}), 1.0 * min(n)
  from ranked
  where place >= 0.5 * profiles
  union all
  select 'identifiers_per_profile_p99', cast(null as {{ text }}), cast(null as {{ text }}), 1.0 * min(n)
  from ranked
  where place >= 0.99 * profiles
  union all
  select 'identifiers_per_profile_max', cast(null as {{ text }}), cast(null as {{ text }}), 1.0 * max(n)
  from ranked
  union all
  select 'violations', cast(null as {{ text }}), violation, 1.0 * count(*)
  from {{ profiles_sync.contract_relation('identity_violations') }}
  group by violation
  union all
  select 'widest_value', external_id_type, external_id_value, 1.0 * sum(n)
  from widest
  where place <= 20
  group by external_id_type, external_id_value
)
select metric, external_id_type, detail, cast(coalesce(amount, 0) as {{ profiles_sync.column_type('float') }}) as amount
from metrics
