{#- Every customer with its present traits; profiles that were merged away are left out. -#}
select traits.*
from {{ ref('profiles_sync', 'profile_traits') }} as traits
where traits.merged_to is null
order by traits.canonical_segment_id
