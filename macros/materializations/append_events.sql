{#- Append-only table: the rows of the events that are new to it, and its watermark, in one transaction.

    The model begins with `slice_header(event_slice())`. Config: `unique_key` (its key, for the physical layout), `indexes`. -#}
{% materialization append_events, default %}
  {%- set header = profiles_sync.read_slice_header(sql) -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks) }}

  {%- if existing is none -%}
    {%- do run_query('create table ' ~ target_relation ~ ' as select * from (' ~ sql ~ ') as shape where 1 = 0') -%}
    {%- do profiles_sync.create_indexes(target_relation, config.get('unique_key'), config.get('indexes')) -%}
  {%- endif -%}
  {%- set new_columns = profiles_sync.fit_columns(target_relation, header.columns) -%}
  {%- set names = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list -%}
  {%- set rows = namespace(inserted=0) -%}

  {%- if header.slice.upto > header.slice.after -%}
    {% call statement('main', fetch_result=true) %}
      insert into {{ target_relation }} ({{ profiles_sync.column_list(names) }})
      select {{ profiles_sync.column_list(names, 'fresh') }} from (
      {{ sql }}
      ) as fresh
    {% endcall %}
    {%- set rows.inserted = profiles_sync.affected_rows('main') -%}
    {%- do profiles_sync.move_watermark(header.slice) -%}
  {%- else -%}
    {% call noop_statement('main', 'no new events') %}
      select 1
    {% endcall %}
  {%- endif -%}
  {%- do profiles_sync.commit() -%}

  {{ run_hooks(post_hooks) }}
  {%- do profiles_sync.finish_table(target_relation, existing, {'inserted': rows.inserted, 'updated': 0, 'deleted': 0}, new_columns) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
