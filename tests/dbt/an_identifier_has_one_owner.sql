-- A returned row means: an identifier belongs to two profiles, or the two tables of current owners disagree.
select mapping.external_id_type, mapping.external_id_value
from {{ ref('external_id_mapping') }} as mapping
left join {{ ref('user_identifiers') }} as identifiers
  on identifiers.type = mapping.external_id_type
  and identifiers.{{ profiles_sync.quote_column('value') }} = mapping.external_id_value
  and identifiers.canonical_segment_id = mapping.canonical_segment_id
where {{ profiles_sync.are_complete(['external_id_mapping', 'user_identifiers']) }}
group by mapping.external_id_type, mapping.external_id_value
having count(*) <> 1 or count(identifiers.id) <> 1
