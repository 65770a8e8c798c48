{#- Engine type of a logical one: `id` (ids, hashes, seq), `text`, `int`, `bigint`, `date`, `json`, `key16` (16 bytes), and the five
    Segment types `timestamp`, `integer`, `float`, `boolean`, `varchar`. -#}
{% macro column_type(logical) %}
  {{- return(adapter.dispatch('column_type', 'profiles_sync')(logical)) -}}
{% endmacro %}

{% macro default__column_type(logical) %}
  {%- set types = {
    'id': 'varchar', 'text': 'varchar', 'int': 'integer', 'bigint': 'bigint', 'date': 'date', 'json': 'json', 'key16': 'uuid',
    'timestamp': 'timestamp', 'integer': 'bigint', 'float': 'double', 'boolean': 'boolean', 'varchar': 'varchar',
  } -%}
  {%- if logical not in types -%}
    {{ exceptions.raise_compiler_error("unknown logical type '" ~ logical ~ "'") }}
  {%- endif -%}
  {{- return(types[logical]) -}}
{% endmacro %}

{#- Postgres has no type called double. -#}
{% macro postgres__column_type(logical) %}
  {%- set types = {'id': 'text', 'text': 'text', 'varchar': 'text', 'float': 'double precision'} -%}
  {{- return(types[logical] if logical in types else profiles_sync.default__column_type(logical)) -}}
{% endmacro %}

{#- Its own names. JSON stays text there: BigQuery's JSON type sorts the keys of objects and keeps numbers as doubles. -#}
{% macro bigquery__column_type(logical) %}
  {%- set types = {
    'id': 'string', 'text': 'string', 'varchar': 'string', 'json': 'string', 'key16': 'bytes', 'int': 'int64', 'bigint': 'int64',
    'integer': 'int64', 'float': 'float64', 'boolean': 'bool',
  } -%}
  {{- return(types[logical] if logical in types else profiles_sync.default__column_type(logical)) -}}
{% endmacro %}

{#- VARIANT reads single paths of a document as columns. A binary key is compared as bytes. Its own integer type has 38 digits. -#}
{% macro snowflake__column_type(logical) %}
  {%- set types = {
    'json': 'variant', 'key16': 'binary', 'timestamp': 'timestamp_ntz', 'integer': 'number(38, 0)', 'float': 'float',
  } -%}
  {{- return(types[logical] if logical in types else profiles_sync.default__column_type(logical)) -}}
{% endmacro %}

{#- Text without a length would be cut at 30 characters. An index takes an `id`, of at most 112 characters of four bytes each, but no `max`. -#}
{% macro sqlserver__column_type(logical) %}
  {%- set types = {
    'id': 'varchar(450)', 'text': 'varchar(max)', 'varchar': 'varchar(max)', 'json': 'varchar(max)', 'key16': 'binary(16)', 'int': 'int',
    'timestamp': 'datetime2(6)', 'float': 'float', 'boolean': 'bit',
  } -%}
  {{- return(types[logical] if logical in types else profiles_sync.default__column_type(logical)) -}}
{% endmacro %}

{% macro synapse__column_type(logical) %}
  {{- return(profiles_sync.sqlserver__column_type(logical)) -}}
{% endmacro %}

{#- A varchar without length has 256 bytes. An id is of at most 100 characters, four bytes each. SUPER reads single paths. There is no uuid, and
    bytes are no sort key, so a 16-byte key is its hexadecimal digits. -#}
{% macro redshift__column_type(logical) %}
  {%- set types = {
    'id': 'varchar(400)', 'text': 'varchar(65535)', 'varchar': 'varchar(65535)', 'json': 'super', 'key16': 'varchar(32)',
    'float': 'double precision',
  } -%}
  {{- return(types[logical] if logical in types else profiles_sync.default__column_type(logical)) -}}
{% endmacro %}
