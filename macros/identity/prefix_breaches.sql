{#- CTEs up to `breaches` over the CTEs `rules` and `parts`: for each event and check, the first rank at which the identifiers up to it would
    make a profile too big. A part says what a rank adds: `n`, and whether a profile holds it (`held`) or it is fresh. A longer prefix breaks
    whatever a shorter one breaks: so the first rank tells all. -#}
{% macro prefix_breaches(settings) -%}
  {%- set frame = 'partition by parts.event_no, parts.check_name order by parts.rank_no rows between unbounded preceding and current row' -%}
  exceeding as (
    {#- Only checks that all of the event's identifiers together break need a closer look. #}
    select sums.event_no, sums.check_name, {{ profiles_sync.check_limit(settings, 'sums.check_name', 'rules') }} as most
    from (select event_no, check_name, sum(n) as n from parts group by event_no, check_name) as sums
    left join rules on rules.external_id_type = sums.check_name
    where sums.n > {{ profiles_sync.check_limit(settings, 'sums.check_name', 'rules') }}
  ),
  running as (
    select
      parts.event_no,
      parts.rank_no,
      parts.check_name,
      exceeding.most,
      sum(parts.n) over ({{ frame }}) as total,
      max(case when parts.held = 1 then parts.n else 0 end) over ({{ frame }}) as largest,
      sum(parts.held) over ({{ frame }}) as profiles
    from parts
    inner join exceeding on exceeding.event_no = parts.event_no and exceeding.check_name = parts.check_name
  ),
  breaches as (
    {#- Above the limit, and above what the largest of the profiles has already: one that a tightened limit left too big stays usable. With
        one profile a full mapping cap refuses the new identifiers only, which is no breach. #}
    select event_no, check_name, min(rank_no) as rank_no
    from running
    where total > largest and total > most and (check_name <> 'MAPPING' or profiles > 1)
    group by event_no, check_name
  )
{%- endmacro %}

{#- Most that a check allows; NULL, so that nothing is above it, where the type is unlimited. -#}
{% macro check_limit(settings, check_name, alias) %}
  {{- return(
    "case " ~ check_name ~ " when 'MERGE' then " ~ (settings.merge_cap + 1) ~ " when 'MAPPING' then " ~ settings.mapping_cap ~ " else "
    ~ profiles_sync.rule_limit(settings, alias) ~ " end"
  ) -}}
{% endmacro %}
