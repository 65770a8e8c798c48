{#- What an engine needs beside tables, made by `prepare_space`. -#}
{% macro prepare_engine() %}
  {{- return(adapter.dispatch('prepare_engine', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__prepare_engine() %}
{% endmacro %}

{#- Postgres has no compact JSON. It has SHA-256 but no SHA-1: pgcrypto where it may be used, else SHA-1 spelled out, which is slow and said so. -#}
{% macro postgres__prepare_engine() %}
  {%- set staging = profiles_sync.space_schema('staging') -%}
  {%- do run_query(profiles_sync.postgres_json_compact_function(staging)) -%}
  {%- set offered = run_query(
    "select 1 from pg_available_extensions where name = 'pgcrypto' and installed_version is null"
    ~ " and has_database_privilege(current_database(), 'CREATE')"
    ~ " and exists (select 1 from pg_namespace where nspname = 'public' and has_schema_privilege(oid, 'CREATE'))"
  ) -%}
  {%- if offered.rows | length -%}
    {#- In no schema of ours, with which it would be dropped for everybody. -#}
    {%- do run_query('create extension if not exists pgcrypto schema public') -%}
  {%- endif -%}
  {%- set schema = profiles_sync.postgres_pgcrypto_schema() -%}
  {%- if schema -%}
    {%- do run_query(
      "create or replace function " ~ staging ~ ".sha1_hex(value text) returns text language sql immutable strict parallel safe as $sha1$"
      ~ " select encode(" ~ schema ~ ".digest(convert_to(value, 'UTF8'), 'sha1'), 'hex') $sha1$"
    ) -%}
  {%- else -%}
    {%- do log("pgcrypto is not available: external_id_hash is computed by a slower function of ours. "
      ~ "Let an administrator CREATE EXTENSION pgcrypto in a schema that the sync's user may use; the next sync uses it.", info=true) -%}
    {%- do run_query(profiles_sync.postgres_sha1_function(staging)) -%}
  {%- endif -%}
{% endmacro %}

{#- Schema of pgcrypto, quoted; blank where we may not use it. -#}
{% macro postgres_pgcrypto_schema() %}
  {%- set found = run_query(
    "select quote_ident(n.nspname) from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace"
    ~ " where e.extname = 'pgcrypto' and has_schema_privilege(n.oid, 'USAGE')"
  ) -%}
  {{- return(found.rows[0][0] if found.rows | length else '') -}}
{% endmacro %}

{#- FIPS 180-4 SHA-1 in PL/pgSQL; 32-bit words are kept in bigints. -#}
{% macro postgres_sha1_function(schema) %}
create or replace function {{ schema }}.sha1_hex(value text) returns text language plpgsql immutable strict parallel safe as $sha1$
declare
  mask constant bigint := 4294967295;
  message bytea := convert_to(value, 'UTF8');
  bits bigint := octet_length(convert_to(value, 'UTF8'))::bigint * 8;
  h0 bigint := 1732584193; h1 bigint := 4023233417; h2 bigint := 2562383102; h3 bigint := 271733878; h4 bigint := 3285377520;
  a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; k bigint; t bigint;
  w bigint[];
begin
  message := message || decode('80', 'hex');
  message := message || decode(repeat('00', (120 - octet_length(message) % 64) % 64), 'hex') || decode(lpad(to_hex(bits), 16, '0'), 'hex');
  for block in 0 .. octet_length(message) / 64 - 1 loop
    for i in 0 .. 15 loop
      t := block * 64 + i * 4;
      w[i] := get_byte(message, t::int) * 16777216::bigint + get_byte(message, t::int + 1) * 65536::bigint
            + get_byte(message, t::int + 2) * 256::bigint + get_byte(message, t::int + 3);
    end loop;
    for i in 16 .. 79 loop
      t := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
      w[i] := ((t << 1) | (t >> 31)) & mask;
    end loop;
    a := h0; b := h1; c := h2; d := h3; e := h4;
    for i in 0 .. 79 loop
      if i < 20 then f := (b & c) | ((b # mask) & d); k := 1518500249;
      elsif i < 40 then f := b # c # d; k := 1859775393;
      elsif i < 60 then f := (b & c) | (b & d) | (c & d); k := 2400959708;
      else f := b # c # d; k := 3395469782;
      end if;
      t := ((((a << 5) | (a >> 27)) & mask) + f + e + k + w[i]) & mask;
      e := d; d := c; c := ((b << 30) | (b >> 2)) & mask; b := a; a := t;
    end loop;
    h0 := (h0 + a) & mask; h1 := (h1 + b) & mask; h2 := (h2 + c) & mask; h3 := (h3 + d) & mask; h4 := (h4 + e) & mask;
  end loop;
  return lpad(to_hex(h0), 8, '0') || lpad(to_hex(h1), 8, '0') || lpad(to_hex(h2), 8, '0') || lpad(to_hex(h3), 8, '0') || lpad(to_hex(h4), 8, '0');
end $sha1$
{% endmacro %}

{#- Numbers are printed as JSON libraries print doubles: 1.50 is 1.5, 1e5 is 100000.0, 1E+21 is 1e21. -#}
{% macro postgres_json_compact_function(schema) %}
create or replace function {{ schema }}.json_compact(value json) returns text language plpgsql immutable strict parallel safe as $compact$
declare
  kind constant text := json_typeof(value);
  written text;
begin
  if kind = 'object' then
    return '{' || coalesce((
      select string_agg(to_json(member.key)::text || ':' || {{ schema }}.json_compact(member.value), ',' order by member.place)
      from json_each(value) with ordinality as member (key, value, place)), '') || '}';
  elsif kind = 'array' then
    return '[' || coalesce((
      select string_agg({{ schema }}.json_compact(item.value), ',' order by item.place)
      from json_array_elements(value) with ordinality as item (value, place)), '') || ']';
  elsif kind = 'string' then
    return to_json(value #>> '{}')::text;
  elsif kind <> 'number' then
    return trim(value::text);
  end if;
  written := trim(value::text);
  if written ~ '^-?[0-9]+$' then
    return case written when '-0' then '0' else written end;
  end if;
  if abs(written::numeric) < {{ profiles_sync.postgres_least_float() }} then
    return case when written like '-%' and written::numeric = 0 then '-0.0' else '0.0' end;
  end if;
  written := written::float8::text;
  if abs(written::numeric) >= 1e-6 and abs(written::numeric) < 1e21 then
    written := written::numeric::text;
    return case when written like '%.%' then written else written || '.0' end;
  end if;
  return regexp_replace(written, 'e([-]?)[+]?0*', E'e\\1');
end $compact$
{% endmacro %}

{#- Files are loaded from a stage of ours; a statement that makes one ends a transaction, so landing cannot make it. -#}
{% macro snowflake__prepare_engine() %}
  {%- do run_query('create stage if not exists ' ~ profiles_sync.space_schema('staging') ~ '.landing') -%}
{% endmacro %}

{#- It has the functions that Postgres lacks. -#}
{% macro redshift__prepare_engine() %}
{% endmacro %}
