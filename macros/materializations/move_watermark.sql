{#- The model's watermark, inside the transaction of its rows. -#}
{% macro move_watermark(slice) %}
  {%- set state = profiles_sync.contract_relation('table_state') -%}
  {%- set name = profiles_sync.text_literal(profiles_sync.table_name(this)) -%}
  {% call statement('move_watermark') %}
    {%- if slice.known %}
      update {{ state }} set last_event_no = {{ slice.upto }}, uuid_ts = {{ profiles_sync.sync_uuid_ts() }} where table_name = {{ name }}
    {%- else %}
      insert into {{ state }} (table_name, last_event_no, uuid_ts) select {{ name }}, {{ slice.upto }}, {{ profiles_sync.sync_uuid_ts() }}
    {%- endif %}
  {% endcall %}
{% endmacro %}
