-- As a superuser, in the database $database. Choose the password.
create user "$user" password '<password>';
grant create, temporary on database "$database" to "$user";
-- The schemas $space, ${space}_staging and ${space}_ops are made by the first sync, and so belong to the user.
