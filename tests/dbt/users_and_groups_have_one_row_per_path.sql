-- A returned row means: a call says something twice about one trait of a user or a group.
{{ config(enabled=profiles_sync.has_users_and_accounts()) }}
{%- for ledger in ['user_id_traits', 'group_id_traits'] %}
select '{{ ledger }}' as ledger, event_no, raw_path
from {{ ref(ledger) }}
group by event_no, raw_path
having count(*) > 1
{{ 'union all' if not loop.last }}
{%- endfor %}
