{#- Append-only table: the rows of the events that are new to it, and its watermark, in one transaction.

    The model begins with `slice_header(event_slice())`. Config: `unique_key` (its key, for the physical layout), `indexes`.

    A model of a track event renders to nothing (see `track_event`); its statement is made here. -#}
{% materialization append_events, default %}
  {%- set query = sql if sql | trim else profiles_sync.event_table(profiles_sync.table_name(this)) -%}
  {%- set header = profiles_sync.read_slice_header(query) -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks) }}

  {%- do profiles_sync.plan_for('lookups') -%}

  {%- if existing is none -%}
    {%- do profiles_sync.create_empty_table(target_relation, query, config.get('unique_key'), config.get('indexes')) -%}
  {%- endif -%}
  {%- set new_columns = profiles_sync.fit_columns(target_relation, header.columns) -%}
  {%- set rows = namespace(inserted=0) -%}

  {%- if profiles_sync.has_work(header.slice) -%}
    {%- set names = header.names or (adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list) -%}
    {%- set transaction = profiles_sync.new_transaction() -%}
    {% call profiles_sync.write_step(transaction, 'append') %}
      insert into {{ target_relation }} ({{ profiles_sync.column_list(names) }})
      select {{ profiles_sync.column_list(names, 'fresh') }} from (
      {{ query }}
      ) as fresh
    {% endcall %}
    {%- do profiles_sync.move_watermark(header.slice, transaction) -%}
    {%- do profiles_sync.commit_transaction(transaction) -%}
    {%- do profiles_sync.remember_watermark(header.slice) -%}
    {%- set rows.inserted = profiles_sync.written(transaction, 'append') -%}
  {%- else -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}

  {{ run_hooks(post_hooks) }}
  {%- do profiles_sync.finish_table(target_relation, existing, {'inserted': rows.inserted, 'updated': 0, 'deleted': 0}, new_columns, {'slice': header.slice}) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
