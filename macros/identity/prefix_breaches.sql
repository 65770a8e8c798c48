{#- CTEs `running` and `breaches` over the CTEs `rules` and `parts`: for each event and check, the first rank at which the identifiers up to
    it would make a profile too big. A part says what a rank adds: `n`, and whether a profile holds it (`held`) or it is fresh.
    A check breaks when the whole is above its limit and above what the largest of the profiles has already, so a profile that a tightened
    limit left too big stays usable. A longer prefix breaks whatever a shorter one breaks, so the first rank tells all.
    With one profile a full mapping cap refuses the new identifiers only, which is no breach. -#}
{% macro prefix_breaches(settings) -%}
  running as (
    select
      event_no,
      rank_no,
      check_name,
      sum(n) over (partition by event_no, check_name order by rank_no rows between unbounded preceding and current row) as total,
      max(case when held = 1 then n else 0 end)
        over (partition by event_no, check_name order by rank_no rows between unbounded preceding and current row) as largest,
      sum(held) over (partition by event_no, check_name order by rank_no rows between unbounded preceding and current row) as profiles
    from parts
  ),
  breaches as (
    select running.event_no, running.check_name, min(running.rank_no) as rank_no
    from running
    left join rules on rules.external_id_type = running.check_name
    where running.total > running.largest
      and running.total > {{ profiles_sync.check_limit(settings, 'running.check_name', 'rules') }}
      and (running.check_name <> 'MAPPING' or running.profiles > 1)
    group by running.event_no, running.check_name
  )
{%- endmacro %}

{#- Most that a check allows; NULL, so that nothing is above it, where the type is unlimited. -#}
{% macro check_limit(settings, check_name, alias) %}
  {{- return(
    "case " ~ check_name ~ " when 'MERGE' then " ~ (settings.merge_cap + 1) ~ " when 'MAPPING' then " ~ settings.mapping_cap ~ " else "
    ~ profiles_sync.rule_limit(settings, alias) ~ " end"
  ) -}}
{% endmacro %}
