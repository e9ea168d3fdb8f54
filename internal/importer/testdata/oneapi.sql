CREATE TABLE channels (id integer PRIMARY KEY, type integer DEFAULT 0, key text, status integer DEFAULT 1, name text, weight integer DEFAULT 0, base_url text DEFAULT '', other text,
  models text, "group" varchar(32) DEFAULT 'default', model_mapping varchar(1024) DEFAULT '', priority bigint DEFAULT 0, config text);
INSERT INTO channels VALUES (1, 1, 'sk-up-1' || char(10) || 'sk-up-2', 1, 'OpenAI main', 3, '', '', 'gpt-4o,gpt-4o-mini', 'default', '{"gpt-4": "gpt-4o"}', 0, '');
INSERT INTO channels VALUES (2, 3, 'az', 2, 'azure', 0, 'https://x.openai.azure.com', '2024-10-21', 'gpt-4o', 'default,vip', '', 5, '');
INSERT INTO channels VALUES (3, 33, '', 1, 'aws', 0, '', '', 'claude-3-5-haiku-20241022', 'default', '', 0, '{"region":"us-east-1","ak":"AKIDEXAMPLE","sk":"made-up"}');
INSERT INTO channels VALUES (4, 36, 'ds$1', 1, 'deep', 0, NULL, NULL, 'deepseek-chat', 'default', NULL, 0, NULL);
INSERT INTO channels VALUES (5, 15, 'x', 1, 'baidu', 0, '', '', 'ERNIE', 'default', '', 0, '');
CREATE TABLE users (id integer PRIMARY KEY, username text, role integer, status integer, email text, quota bigint, "group" varchar(32) DEFAULT 'default');
INSERT INTO users VALUES (1, 'root', 100, 1, '', 1000, 'default'), (2, 'bob', 1, 1, 'bob@example.org', 2500000, 'vip');
CREATE TABLE tokens (id integer PRIMARY KEY, user_id integer, key char(48), status integer, name text, created_time bigint, expired_time bigint DEFAULT -1, remain_quota bigint, unlimited_quota numeric, models text, subnet text);
INSERT INTO tokens VALUES (1, 2, 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKl', 1, 'ci', 1700000000, -1, 500000, 0, 'gpt-4o', '10.0.0.0/8');
INSERT INTO tokens VALUES (2, 1, 'ZyCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKl', 2, 'ci', 1700000000, 1900000000, 0, 1, NULL, NULL);
