{#- Every entrance to and exit from the audience `sample_audience`, or each value of any other trait. -#}
{%- set audience = profiles_sync.quote_column(var('sample_audience', 'email')) %}
select
  ids.canonical_segment_id,
  calls.{{ audience }} as audience,
  calls.{{ profiles_sync.quote_column('timestamp') }}
from {{ ref('profiles_sync', 'identifies') }} as calls
inner join {{ ref('profiles_sync', 'id_graph') }} as ids on ids.segment_id = calls.segment_id
where calls.{{ audience }} is not null
order by ids.canonical_segment_id, calls.{{ profiles_sync.quote_column('timestamp') }}, calls.id
