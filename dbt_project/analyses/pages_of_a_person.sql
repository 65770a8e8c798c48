{#- Every page that the customer `sample_profile` has seen, under whichever profile at the time. -#}
select
  ids.canonical_segment_id,
  visits.*
from {{ ref('profiles_sync', 'pages') }} as visits
inner join {{ ref('profiles_sync', 'id_graph') }} as ids on ids.segment_id = visits.segment_id
where ids.canonical_segment_id = {{ profiles_sync.text_literal(var('sample_profile', '')) }}
order by visits.{{ profiles_sync.quote_column('timestamp') }}, visits.id
