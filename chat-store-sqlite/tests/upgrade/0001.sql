PRAGMA foreign_keys = OFF;
CREATE TABLE chat_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
CREATE TABLE chat_meta (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    epoch           TEXT    NOT NULL,
    -- Raised by every write transaction; a copy beside the database tells when the database went back.
    commits         INTEGER NOT NULL,
    -- The highest message id ever given, so that none is given twice even after rows were removed.
    last_message_id INTEGER NOT NULL
) STRICT;
CREATE TABLE chat_user (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id     TEXT UNIQUE,
    username        TEXT,
    username_key    TEXT UNIQUE,
    display_name    TEXT    NOT NULL,
    display_key     TEXT    NOT NULL,
    avatar_link     TEXT,
    avatar_media_id INTEGER REFERENCES chat_media (id),
    last_seen       INTEGER,
    user_rev        INTEGER NOT NULL DEFAULT 0,
    is_admin        INTEGER NOT NULL DEFAULT 0,
    is_banned       INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX chat_user_display_key ON chat_user (display_key);
CREATE INDEX chat_user_changed_at ON chat_user (changed_at);
CREATE INDEX chat_user_avatar ON chat_user (avatar_media_id) WHERE avatar_media_id IS NOT NULL;
CREATE TABLE chat_account (
    user_id       INTEGER PRIMARY KEY REFERENCES chat_user (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL
) STRICT;
CREATE TABLE chat_session (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER NOT NULL REFERENCES chat_user (id) ON DELETE CASCADE,
    device_name  TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX chat_session_user ON chat_session (user_id, revoked_at);
CREATE TABLE chat_refresh_token (
    hash        BLOB    PRIMARY KEY,
    session_id  INTEGER NOT NULL REFERENCES chat_session (id) ON DELETE CASCADE,
    expires_at  INTEGER NOT NULL,
    replaced_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_refresh_token_session ON chat_refresh_token (session_id, expires_at);
CREATE TABLE chat_lockout (
    key          TEXT    PRIMARY KEY,
    failures     INTEGER NOT NULL,
    locked_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE chat_conversation (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT    NOT NULL CHECK (kind IN ('direct', 'group')),
    -- The pair of a direct conversation, smaller id first.
    low_user_id  INTEGER REFERENCES chat_user (id),
    high_user_id INTEGER REFERENCES chat_user (id),
    title        TEXT,
    last_seq     INTEGER NOT NULL DEFAULT 0,
    last_rev     INTEGER NOT NULL DEFAULT 0,
    last_cursor  INTEGER NOT NULL DEFAULT 0,
    first_seq    INTEGER NOT NULL DEFAULT 1,
    reset_rev    INTEGER NOT NULL DEFAULT 0,
    meta_rev     INTEGER NOT NULL DEFAULT 0,
    member_rev   INTEGER NOT NULL DEFAULT 0,
    member_count INTEGER NOT NULL DEFAULT 0,
    -- The creator's key for retries of the creation of a group.
    creator_id   INTEGER REFERENCES chat_user (id),
    create_key   TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    CHECK ((kind = 'direct') = (low_user_id IS NOT NULL AND high_user_id IS NOT NULL)),
    CHECK (low_user_id <= high_user_id)
) STRICT;
CREATE UNIQUE INDEX chat_conversation_pair ON chat_conversation (low_user_id, high_user_id)
    WHERE low_user_id IS NOT NULL;
CREATE UNIQUE INDEX chat_conversation_key ON chat_conversation (creator_id, create_key)
    WHERE create_key IS NOT NULL;
CREATE INDEX chat_conversation_changed_at ON chat_conversation (changed_at);
CREATE TABLE chat_member (
    conversation_id  INTEGER NOT NULL REFERENCES chat_conversation (id),
    user_id          INTEGER NOT NULL REFERENCES chat_user (id),
    role             TEXT    NOT NULL CHECK (role IN ('member', 'admin', 'owner')),
    rev              INTEGER NOT NULL DEFAULT 0,
    since_rev        INTEGER NOT NULL DEFAULT 0,
    visible_from_seq INTEGER NOT NULL DEFAULT 1,
    delivered_seq    INTEGER NOT NULL DEFAULT 0,
    read_seq         INTEGER NOT NULL DEFAULT 0,
    cursor_rev       INTEGER NOT NULL DEFAULT 0,
    left_rev         INTEGER,
    user_rev         INTEGER NOT NULL DEFAULT 0,
    joined_at        INTEGER NOT NULL,
    left_at          INTEGER,
    PRIMARY KEY (conversation_id, user_id),
    CHECK (read_seq <= delivered_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_member_feed ON chat_member (user_id, user_rev);
CREATE INDEX chat_member_rev ON chat_member (conversation_id, rev) WHERE rev > 0;
CREATE INDEX chat_member_cursor ON chat_member (conversation_id, cursor_rev) WHERE cursor_rev > 0;
CREATE TABLE chat_message (
    id              INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    created_rev     INTEGER NOT NULL,
    rev             INTEGER NOT NULL,
    sender_id       INTEGER NOT NULL,
    key             TEXT    NOT NULL,
    request_hash    BLOB    NOT NULL,
    content         TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    -- The rest is empty in most rows and stands last, where an empty column costs one byte.
    attachments     INTEGER,
    link            TEXT,
    reply_to_id     INTEGER,
    edited_at       INTEGER,
    deleted_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX chat_message_key ON chat_message (sender_id, key);
CREATE INDEX chat_message_page ON chat_message (conversation_id, seq, sender_id, deleted_at);
CREATE INDEX chat_message_changed ON chat_message (conversation_id, rev) WHERE rev > created_rev;
CREATE TABLE chat_attachment (
    message_id INTEGER NOT NULL REFERENCES chat_message (id),
    position   INTEGER NOT NULL,
    media_id   INTEGER NOT NULL REFERENCES chat_media (id),
    PRIMARY KEY (message_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_attachment_media ON chat_attachment (media_id);
CREATE TABLE chat_media (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id   INTEGER NOT NULL REFERENCES chat_user (id),
    key        TEXT,
    kind       TEXT    NOT NULL CHECK (kind IN ('audio', 'document', 'image', 'text', 'video')),
    mime       TEXT    NOT NULL,
    extension  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    width      INTEGER,
    height     INTEGER,
    path       TEXT    NOT NULL,
    sha256     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chat_media_key ON chat_media (owner_id, key) WHERE key IS NOT NULL;
CREATE INDEX chat_media_created_at ON chat_media (created_at);
CREATE TABLE chat_broadcast (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    sender_id    INTEGER NOT NULL REFERENCES chat_user (id),
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL,
    -- Whether its messages were stored in the same transaction; else a job sends them.
    with_messages INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    total        INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (sender_id, key)
) STRICT;
CREATE TABLE chat_broadcast_receiver (
    broadcast_id    INTEGER NOT NULL REFERENCES chat_broadcast (id) ON DELETE CASCADE,
    user_id         INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'sent', 'failed')),
    PRIMARY KEY (broadcast_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_broadcast_receiver_order ON chat_broadcast_receiver (broadcast_id, position);
CREATE INDEX chat_broadcast_pending ON chat_broadcast_receiver (broadcast_id, position) WHERE state = 'pending';
CREATE TABLE chat_job (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    payload  TEXT    NOT NULL,
    due      INTEGER NOT NULL,
    fence    INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX chat_job_due ON chat_job (kind, due);
INSERT INTO chat_migrations VALUES (1, 'init', '2026-11-22 12:12:11', 1, X'C48D68FF142DC823D400EF6AA5A7F58FDD2C2CA2FFE193DB3EC65337E28CA3F561D5337C6A2C17CA0A44BFE5B54A6BDA', 10364028);
INSERT INTO chat_meta VALUES (1, '37fb485cc6621d59', 12, 4);
INSERT INTO chat_user VALUES (1, 'host-ada', NULL, NULL, 'ada', 'ada', NULL, 1, NULL, 3, 0, 0, 1700000000000000, 1700000000000000, 1795349531882898);
INSERT INTO chat_user VALUES (2, 'host-ben', NULL, NULL, 'ben', 'ben', NULL, NULL, NULL, 2, 0, 0, 1700000000000000, 1700000000000000, 1795349531882898);
INSERT INTO chat_user VALUES (3, NULL, 'Cleo', 'cleo', 'Cleo', 'cleo', NULL, NULL, NULL, 1, 0, 0, 1700000000000000, 1700000000000000, 1795349531882898);
INSERT INTO chat_account VALUES (3, '$argon2id$not-a-hash');
INSERT INTO chat_session VALUES (1, 3, 'phone', 1700000000000000, 1700000000000000, 4000000000000000, NULL);
INSERT INTO chat_refresh_token VALUES (X'0303030303030303030303030303030303030303030303030303030303030303', 1, 4000000000000000, NULL);
INSERT INTO chat_lockout VALUES ('name:mallory', 1, NULL);
INSERT INTO chat_conversation VALUES (1, 'direct', 1, 2, NULL, 2, 4, 1, 1, 0, 1, 0, 2, NULL, NULL, 1700000000000000, 1700000000000000, 1795349531911149);
INSERT INTO chat_conversation VALUES (2, 'group', NULL, NULL, 'Choir', 2, 4, 0, 1, 0, 1, 0, 3, 1, 'choir', 1700000000000000, 1700000000000000, 1795349531911149);
INSERT INTO chat_member VALUES (1, 1, 'member', 0, 0, 1, 0, 0, 0, NULL, 2, 1700000000000000, NULL);
INSERT INTO chat_member VALUES (1, 2, 'member', 0, 0, 1, 1, 1, 1, NULL, 1, 1700000000000000, NULL);
INSERT INTO chat_member VALUES (2, 1, 'owner', 0, 0, 1, 0, 0, 0, NULL, 3, 1700000000000000, NULL);
INSERT INTO chat_member VALUES (2, 2, 'member', 0, 0, 1, 0, 0, 0, NULL, 2, 1700000000000000, NULL);
INSERT INTO chat_member VALUES (2, 3, 'member', 0, 0, 1, 0, 0, 0, NULL, 1, 1700000000000000, NULL);
INSERT INTO chat_message VALUES (1, 1, 1, 2, 4, 1, 'k1', X'01010101010101010101010101010101', 'hello there', 1700000000000000, NULL, NULL, NULL, 1700000000000000, NULL);
INSERT INTO chat_message VALUES (2, 2, 1, 2, 2, 1, 'k3', X'01010101010101010101010101010101', 'look', 1700000000000000, 1, NULL, NULL, NULL, NULL);
INSERT INTO chat_message VALUES (3, 2, 2, 3, 4, 2, 'k4', X'01010101010101010101010101010101', '', 1700000000000000, NULL, NULL, NULL, NULL, 1700000000000000);
INSERT INTO chat_message VALUES (4, 1, 2, 3, 3, 2, 'k2', X'01010101010101010101010101010101', 'a reply', 1700000000000000, NULL, NULL, 1, NULL, NULL);
INSERT INTO chat_attachment VALUES (2, 0, 1);
INSERT INTO chat_media VALUES (1, 1, 'photo', 'image', 'image/png', 'png', 'sunset.png', 1234, 40, 30, 'ab/cd', X'0909090909090909090909090909090909090909090909090909090909090909', 1700000000000000);
INSERT INTO chat_broadcast VALUES (1, 1, 'k5', X'05050505050505050505050505050505', 0, 'running', 1, 0, 0, 1700000000000000);
INSERT INTO chat_broadcast_receiver VALUES (1, 2, 0, 1, 'pending');
INSERT INTO chat_job VALUES (1, 'broadcast', 'k5', '{}', 1700000000000000, 0, 0);
INSERT INTO sqlite_sequence VALUES ('chat_user', 3);
INSERT INTO sqlite_sequence VALUES ('chat_session', 1);
INSERT INTO sqlite_sequence VALUES ('chat_media', 1);
INSERT INTO sqlite_sequence VALUES ('chat_conversation', 2);
INSERT INTO sqlite_sequence VALUES ('chat_broadcast', 1);
INSERT INTO sqlite_sequence VALUES ('chat_job', 1);
