-- Sessions that know whose they are.
CREATE TABLE IF NOT EXISTS "user_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL, "user_id" varchar(255) NULL, "handle" varchar(40) NOT NULL, "created" datetime NOT NULL, "last_seen" datetime NOT NULL, "ip" varchar(45) NULL, "user_agent" varchar(255) NULL);
CREATE INDEX IF NOT EXISTS "user_session_expire_date" ON "user_session" ("expire_date");
CREATE INDEX IF NOT EXISTS "user_session_user_id" ON "user_session" ("user_id");
