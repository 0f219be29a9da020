-- The table that Django's own migration sessions.0001_initial makes; its index is part of the table because
-- MySQL has no CREATE INDEX IF NOT EXISTS.
CREATE TABLE IF NOT EXISTS `django_session` (`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, `expire_date` datetime(6) NOT NULL, KEY `django_session_expire_date_a5c62663` (`expire_date`));
