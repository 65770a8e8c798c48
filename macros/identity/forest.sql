{#- The way for large batches: what no limit can touch is resolved at once, whatever its order, and only the rest goes through rounds. -#}

{#- `work_links`: what is left of each active set after pruning. A prefix that breaks a limit (not a sliding one) already now breaks it
    whenever its events come, for profiles only grow: the rest is taken off (`refused`) for all of them. `link` is what an identifier ties its
    set to: the profile that owns it, or the set that shows it first, which is older than the set itself. -#}
{% macro identity_links(batch) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  candidates as (
    {#- One fresh identifier of each type breaks nothing; only where a profile is, or a type twice, or very many. #}
    select set_no from work_touches where {{ profiles_sync.modulo('element', stride) }} = 0
    {{ profiles_sync.union_distinct() }}
    select set_no from work_touches group by set_no, external_id_type having count(*) > 1
    {{ profiles_sync.union_distinct() }}
    select set_no from work_touches where rank_no > {{ settings.mapping_cap }}
  ),
  places as (
    select touches.set_no, touches.element, min(touches.rank_no) as rank_no, min(touches.external_id_type) as external_id_type
    from work_touches as touches
    inner join candidates on candidates.set_no = touches.set_no
    group by touches.set_no, touches.element
  ),
  parts as (
    select places.set_no as event_no, places.rank_no, sizes.check_name, sizes.n, 1 as held
    from places
    inner join work_sizes as sizes on sizes.element = places.element and sizes.added_ms is null
    union all
    select places.set_no, places.rank_no, places.external_id_type, 1 as n, 0 as held
    from places
    left join rules on rules.external_id_type = places.external_id_type
    where {{ profiles_sync.modulo('places.element', stride) }} <> 0 and {{ profiles_sync.rule_window_ms(settings, 'rules') }} is null
    union all
    select set_no, rank_no, 'MAPPING', 1 as n, 0 as held
    from places
    where {{ profiles_sync.modulo('element', stride) }} <> 0
  ),
  {{ profiles_sync.prefix_breaches(settings) }}
  select
    touches.set_no,
    touches.external_id_type,
    touches.element,
    case
      when {{ profiles_sync.modulo('touches.element', stride) }} = 0 then touches.element
      else min(touches.set_no) over (partition by touches.element) * {{ stride }}
    end as link,
    case when cuts.rank_no is not null then 1 else 0 end as refused
  from work_touches as touches
  left join (select event_no, min(rank_no) as rank_no from breaches group by event_no) as cuts on cuts.event_no = touches.set_no
  where cuts.rank_no is null or touches.rank_no < cuts.rank_no
{% endmacro %}

{#- `work_anchors`: the root of each set. A set joins the oldest thing that it is tied to, at its own time; that thing joined something
    older before. So the pointers of all sets can be followed to a profile, or to a set that creates one (its own root), in any order:
    each step doubles the distance. What is further away is left to the edges. -#}
{% macro identity_anchors() %}
  {%- set steps = 3 -%}
  with step_0 as (
    select set_no * {{ profiles_sync.identity_stride() }} as label, min(link) as root
    from work_links
    group by set_no
  )
  {%- for step in range(1, steps + 1) %},
  step_{{ step }} as (
    select near.label, coalesce(further.root, near.root) as root
    from step_{{ step - 1 }} as near
    left join step_{{ step - 1 }} as further on further.label = near.root
  )
  {%- endfor %}
  select label, root from step_{{ steps }}
{% endmacro %}

{#- `work_edges_1`: which two trees of anchors an event ties together, and when first. These few are all that graph work is about. A pointer
    that ended before its root is an edge too: such a label joins what it points to at its own time. -#}
{% macro identity_edges() %}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set ties %}
      select own.root as one, coalesce(tied.root, links.link) as other, own.label as joined_at
      from work_links as links
      inner join work_anchors as own on own.label = links.set_no * {{ stride }}
      left join work_anchors as tied on tied.label = links.link
      where links.link <> own.label
      union all
      select middle.label, middle.root, middle.label
      from work_anchors as anchors
      inner join work_anchors as middle on middle.label = anchors.root
      where middle.root <> middle.label
  {%- endset %}
  {{ profiles_sync.earliest_edges(ties) }}
{% endmacro %}

{#- Ties (`one`, `other`, `joined_at`) as edges: each pair once, the smaller label first, at its earliest; no tie to itself. -#}
{% macro earliest_edges(ties) %}
  select one, other, min(joined_at) as joined_at
  from (
    select
      case when ties.one < ties.other then ties.one else ties.other end as one,
      case when ties.one < ties.other then ties.other else ties.one end as other,
      ties.joined_at
    from ({{ ties }}
    ) as ties
    where ties.one <> ties.other
  ) as ordered
  group by one, other
{% endmacro %}

{#- `work_tree_n`, one round of Boruvka: every tree takes its earliest edge. The trees so connected share one core, where two chose each
    other. Along the way to the core the edges only get earlier, so when a tree's own edge fires, all of the way is connected already: the
    tree joins the core itself at that time. `parent` is the core, or after `steps` doublings how far the way was followed. -#}
{% macro identity_tree(round_no, steps) %}
  with ends as (
    select one as node, other, joined_at from work_edges_{{ round_no }}
    union all
    select other as node, one as other, joined_at from work_edges_{{ round_no }}
  ),
  earliest as (
    select node, other, joined_at
    from (
      select node, other, joined_at, row_number() over (partition by node order by joined_at, other) as place from ends
    ) as ranked
    where place = 1
  ),
  step_0 as (
    select
      earliest.node,
      earliest.joined_at,
      case when mutual.other = earliest.node and earliest.node < earliest.other then earliest.node else earliest.other end as parent
    from earliest
    inner join earliest as mutual on mutual.node = earliest.other
  )
  {%- for step in range(1, steps + 1) %},
  step_{{ step }} as (
    select near.node, near.joined_at, further.parent
    from step_{{ step - 1 }} as near
    inner join step_{{ step - 1 }} as further on further.node = near.parent
  )
  {%- endfor %}
  select node, joined_at, parent from step_{{ steps }}
{% endmacro %}

{#- The same tree, with every way followed eight times as far. -#}
{% macro identity_longer_tree(round_no) %}
  {%- for step in range(1, 4) %}
  {{ 'with' if loop.first else ',' }} step_{{ step }} as (
    select near.node, near.joined_at, further.parent
    from {{ 'step_' ~ (step - 1) if step > 1 else 'work_tree_' ~ round_no }} as near
    inner join {{ 'step_' ~ (step - 1) if step > 1 else 'work_tree_' ~ round_no }} as further on further.node = near.parent
  )
  {%- endfor %}
  select node, joined_at, parent from step_3
{% endmacro %}

{#- `work_edges_n`: what is left between the cores after a round. -#}
{% macro identity_contracted_edges(round_no) %}
  {%- set ties %}
      select ones.parent as one, others.parent as other, edges.joined_at
      from work_edges_{{ round_no }} as edges
      inner join work_tree_{{ round_no }} as ones on ones.node = edges.one
      inner join work_tree_{{ round_no }} as others on others.node = edges.other
  {%- endset %}
  {{ profiles_sync.earliest_edges(ties) }}
{% endmacro %}

{#- `work_nodes`: every tree that joined another, with the core of its whole component, and with the parent to which it counts: a core that
    had itself joined its parent before, or at the same event, hands the newcomer up. So the joins at a parent lie in the order of time. -#}
{% macro identity_nodes(rounds) %}
  with joins as (
    {%- for round_no in range(1, rounds + 1) %}
    select node, joined_at, parent from work_tree_{{ round_no }} where node <> parent
    {{ 'union all' if not loop.last }}
    {%- endfor %}
  )
  {%- set parents, cores = ['joins.parent'], ['joins.parent'] %}
  {%- for level in range(1, rounds) %}
    {%- do parents.insert(0, 'above_' ~ level ~ '.parent') %}
    {%- do cores.insert(0, 'core_' ~ level ~ '.parent') %}
  {%- endfor %}
  select
    joins.node,
    joins.joined_at,
    {{ 'coalesce(' ~ parents | join(', ') ~ ')' if rounds > 1 else parents[0] }} as parent,
    {{ 'coalesce(' ~ cores | join(', ') ~ ')' if rounds > 1 else cores[0] }} as component
  from joins
  {%- for level in range(1, rounds) %}
  left join joins as above_{{ level }}
    on above_{{ level }}.node = {{ 'joins' if level == 1 else 'above_' ~ (level - 1) }}.parent and above_{{ level }}.joined_at <= joins.joined_at
  left join joins as core_{{ level }} on core_{{ level }}.node = {{ 'joins' if level == 1 else 'core_' ~ (level - 1) }}.parent
  {%- endfor %}
{% endmacro %}

{#- `work_contested`: the components in which a limit may bite. Where all that a component holds, and all that its events bring, stays within
    every limit and cap, no event of it can be refused anything: every profile on the way holds a part of that. -#}
{% macro identity_contested(batch, rounds) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  brought as (
    select anchors.root, links.external_id_type
    from work_links as links
    inner join work_anchors as anchors on anchors.label = links.link
    where links.link = links.set_no * {{ stride }} and {{ profiles_sync.modulo('links.element', stride) }} <> 0
  ),
  amounts as (
    select profiles.link as root, sizes.check_name, sizes.n, sizes.n as held
    from (select distinct link from work_links where {{ profiles_sync.modulo('element', stride) }} = 0) as profiles
    inner join work_sizes as sizes on sizes.element = profiles.link
    {%- if profiles_sync.has_windows(settings) %}
    left join rules on rules.external_id_type = sizes.check_name
    where sizes.added_ms is null
      or sizes.added_ms > (select min(clock_ms) from work_events) - {{ profiles_sync.rule_window_ms(settings, 'rules') }}
    {%- endif %}
    union all
    select root, external_id_type, count(*), 0 from brought group by root, external_id_type
    union all
    select root, 'MAPPING', count(*), 0 from brought group by root
    union all
    select root, 'MERGE', 1, 0 from work_anchors where root = label
  )
  select
    judged.component,
    {#- Of a set only the first event can change anything: what it was refused stays refused, and what it was granted lies in one profile from
        then on. Unless a limit slides, or a profile may be full, so that not even the best identifier finds room and another profile gets it
        later: a profile holds of each type no more than there is, nor than the limit or the fullest at the start. #}
    {%- if profiles_sync.has_windows(settings) %}
    1 as every_event
    {%- else %}
    case
      when sum(
        case
          when judged.check_name in ('MERGE', 'MAPPING') then 0
          when judged.most is null or judged.n <= judged.most then judged.n
          when judged.fullest > judged.most then judged.fullest
          else judged.most
        end
      ) > {{ settings.mapping_cap }} then 1
      else 0
    end as every_event
    {%- endif %}
  from (
    select
      totals.component,
      totals.check_name,
      totals.n,
      totals.fullest,
      {{ profiles_sync.check_limit(settings, 'totals.check_name', 'rules') }} as most
    from (
      select
        {{ profiles_sync.component_of('amounts.root', rounds) }} as component,
        amounts.check_name,
        sum(amounts.n) as n,
        max(amounts.held) as fullest
      from amounts
      {{ profiles_sync.join_component('amounts.root', rounds) }}
      group by {{ profiles_sync.component_of('amounts.root', rounds) }}, amounts.check_name
    ) as totals
    left join rules on rules.external_id_type = totals.check_name
  ) as judged
  group by judged.component
  having max(case when judged.n > judged.most then 1 else 0 end) = 1
{% endmacro %}

{#- The component of a root; a root that joined nothing is one of its own. -#}
{% macro component_of(root, rounds) %}
  {{- return('coalesce(nodes.component, ' ~ root ~ ')' if rounds else root) -}}
{% endmacro %}

{#- Join that `component_of` needs. -#}
{% macro join_component(root, rounds) %}
  {{- return('left join work_nodes as nodes on nodes.node = ' ~ root if rounds else '') -}}
{% endmacro %}

{#- `work_open` of a large batch: of the contested components the events that may change something. -#}
{% macro identity_contested_events(batch) %}
  select
    events.event_no,
    events.clock_ms,
    touches.rank_no,
    touches.external_id_type,
    touches.label,
    touches.element
  from work_touches as touches
  inner join work_anchors as anchors on anchors.label = touches.set_no * {{ profiles_sync.identity_stride() }}
  {{ profiles_sync.join_component('anchors.root', batch.trees) }}
  inner join work_contested as contested on contested.component = {{ profiles_sync.component_of('anchors.root', batch.trees) }}
  inner join work_events as events on events.set_no = touches.set_no
  where contested.every_event = 1 or events.event_no = events.set_no
{% endmacro %}

{#- The diary of the uncontested components. The joins at a parent are taken in the order of time: whoever is older than all before it ends
    the one that was the oldest, any other ends itself (the elder rule). `added` has the root that the event joined, whose canonical profile
    at that time follows from the merges. A label that is no profile, only a pointer that ended early, `joined`. -#}
{% macro identity_uncontested_steps(rounds, contested) %}
  {%- set stride = profiles_sync.identity_stride() -%}
  with roots as (
    select anchors.label, anchors.root
    from work_anchors as anchors
    {%- if contested %}
    {{ profiles_sync.join_component('anchors.root', rounds) }}
    left join work_contested as contested on contested.component = {{ profiles_sync.component_of('anchors.root', rounds) }}
    where contested.component is null
    {%- endif %}
  )
  {%- if rounds %},
  nodes as (
    select nodes.node, nodes.parent, nodes.joined_at
    from work_nodes as nodes
    {%- if contested %}
    left join work_contested as contested on contested.component = nodes.component
    where contested.component is null
    {%- endif %}
  ),
  elders as (
    {#- The oldest of all that had joined a node before it joined its parent. #}
    select node, min(member) as elder
    from (
      select node, node as member from nodes
      {%- for depth in range(1, rounds) %}
      union all
      select above_{{ depth }}.node, nodes.node as member
      from nodes
      {%- for level in range(1, depth + 1) %}
      inner join nodes as above_{{ level }} on above_{{ level }}.node = {{ 'nodes' if level == 1 else 'above_' ~ (level - 1) }}.parent
      {%- endfor %}
      {%- endfor %}
    ) as members
    group by node
  ),
  joins as (
    select nodes.parent, nodes.joined_at, elders.elder
    from nodes
    inner join elders on elders.node = nodes.node
  ),
  moments as (
    select
      parent,
      joined_at,
      min(elder) over (partition by parent order by joined_at rows between unbounded preceding and current row) as oldest,
      min(elder) over (partition by parent order by joined_at rows between unbounded preceding and 1 preceding) as oldest_before
    from (select parent, joined_at, min(elder) as elder from joins group by parent, joined_at) as firsts
  ),
  thrones as (
    select
      parent,
      joined_at,
      case when oldest < parent then oldest else parent end as canonical,
      case when oldest_before < parent then oldest_before else parent end as canonical_before
    from moments
  ),
  deaths as (
    select canonical_before as loser, canonical, joined_at from thrones where canonical_before <> canonical
    union all
    select joins.elder as loser, thrones.canonical, joins.joined_at
    from joins
    inner join thrones on thrones.parent = joins.parent and thrones.joined_at = joins.joined_at
    where joins.elder <> thrones.canonical
  ),
  ends as (
    select
      deaths.loser,
      deaths.canonical,
      events.event_no,
      events.clock_ms,
      case when pointers.label is null then 'merged' else 'joined' end as kind
    from deaths
    inner join work_events as events on events.event_no = {{ profiles_sync.profile_of('deaths.joined_at') }}
    left join work_anchors as pointers on pointers.label = deaths.loser and pointers.root <> pointers.label
  )
  {%- endif %}
  {{ profiles_sync.step_row('created', 0, 'from roots inner join work_events as events on events.event_no = ' ~ profiles_sync.profile_of('roots.label') ~ ' where roots.root = roots.label',
    event_no='events.event_no', clock_ms='events.clock_ms', element='roots.label', node='roots.label') }}
  union all
  {{ profiles_sync.step_row('added', 0,
    'from work_links as links inner join roots on roots.label = links.link inner join work_events as events on events.event_no = links.set_no'
    ~ ' where links.link = links.set_no * ' ~ stride ~ ' and ' ~ profiles_sync.modulo('links.element', stride) ~ ' <> 0',
    event_no='events.event_no', clock_ms='events.clock_ms', element='links.element', external_id_type='links.external_id_type', node='roots.root') }}
  {%- if rounds %}
  union all
  {{ profiles_sync.step_row('merged', 0, "from ends where kind = 'merged'",
    event_no='event_no', clock_ms='clock_ms', element='loser', node='canonical') }}
  union all
  {{ profiles_sync.step_row('joined', 0, "from ends where kind = 'joined'",
    event_no='event_no', clock_ms='clock_ms', element='loser', node='canonical') }}
  {%- endif %}
{% endmacro %}
