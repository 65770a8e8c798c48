-- In the database master, as the server's administrator. Choose the password.
create login [$user] with password = '<password>';
-- In the dedicated SQL pool $database.
create user [$user] for login [$user];
grant create schema, create table, create view to [$user];
-- The schemas are made by the first sync, and so belong to the user. Loads need memory:
exec sp_addrolemember 'largerc', '$user';
-- Only where files go through Blob storage (PROFILES_SYNC_SYNAPSE_STAGE):
grant administer database bulk operations to [$user];
