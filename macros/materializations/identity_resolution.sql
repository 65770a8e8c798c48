{#- Resolves the events above its last commit and writes state, ledgers and the commit in one transaction (docs/identity-resolution.md).
    The model's select gives the shape of the commit table. -#}
{% materialization identity_resolution, default %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- if should_full_refresh() or (flags.FULL_REFRESH and not profiles_sync.shadow_suffix()) -%}
    {{ exceptions.raise_compiler_error(
      'Identity state is not rebuilt by `dbt --full-refresh`. Use `profiles-sync rebuild`, which replays the landed events beside the live tables.'
    ) }}
  {%- endif -%}

  {{ run_hooks(pre_hooks) }}

  {%- if existing is none -%}
    {%- do run_query('create table ' ~ target_relation ~ ' as select * from (' ~ sql ~ ') as shape where 1 = 0') -%}
    {%- do profiles_sync.create_indexes(target_relation, ['to_event_no'], none) -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}

  {%- set counts = {'events': 0, 'duplicates': 0, 'filtered': 0, 'profiles_created': 0, 'profiles_merged': 0, 'violations': 0} -%}
  {%- set done = namespace(commits=0) -%}
  {%- set last = run_query('select max(to_event_no), max(clock_ms) from ' ~ target_relation).rows[0] -%}
  {%- set state = namespace(clock_ms=(last[1] | int if last[1] is not none else none)) -%}
  {%- for batch in profiles_sync.identity_batches((last[0] or 0) | int) -%}
    {%- do batch.update({'clock_ms': state.clock_ms}) -%}
    {%- do profiles_sync.identity_resolve_batch(batch) -%}
    {%- do profiles_sync.identity_write_batch(batch, target_relation) -%}
    {%- set written = run_query(
      'select clock_ms, events, duplicates, filtered, profiles_created, profiles_merged, violations from ' ~ target_relation
      ~ ' where to_event_no = ' ~ batch.upto
    ).rows[0] -%}
    {%- set state.clock_ms = written[0] | int if written[0] is not none else none -%}
    {%- for name in counts -%}
      {%- do counts.update({name: counts[name] + (written[loop.index] | int)}) -%}
    {%- endfor -%}
    {%- set done.commits = done.commits + 1 -%}
  {%- endfor -%}

  {{ run_hooks(post_hooks) }}
  {%- do profiles_sync.finish_table(
    target_relation, existing, {'inserted': done.commits, 'updated': 0, 'deleted': 0}, [], {'identity': counts}
  ) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
