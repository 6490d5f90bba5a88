//! Receipt cursors and what is unread above them.

use crate::{
    error::Result as SqlResult,
    row::{Columns, json_list},
};
use chat_core::model::{ConversationId, UserId};
use sqlx::SqliteConnection;

/// Where counting stops.
const UNREAD_CAP: i64 = 1_000;

/// Counts what is unread in each of the conversations that the person is in; reads one index only.
pub(crate) async fn count_unread(
    connection: &mut SqliteConnection,
    user: UserId,
    ids: &[ConversationId],
) -> SqlResult<Vec<(ConversationId, u32)>> {
    let sql = "SELECT c.id, CASE WHEN m.read_seq >= c.last_seq THEN 0 ELSE (SELECT count(*) FROM ( \
                 SELECT 1 FROM chat_message x WHERE x.conversation_id = c.id \
                   AND x.seq >= max(m.read_seq + 1, m.visible_from_seq) AND x.sender_id <> ?1 \
                   AND x.deleted_at IS NULL LIMIT ?3)) END \
               FROM json_each(?2) CROSS JOIN chat_member m ON m.conversation_id = value AND m.user_id = ?1 \
               JOIN chat_conversation c ON c.id = value WHERE m.left_rev IS NULL";
    let rows = sqlx::query(sql).bind(user.get()).bind(json_list(ids)).bind(UNREAD_CAP).fetch_all(connection);
    let mut counts = Vec::with_capacity(ids.len());
    for row in rows.await? {
        let mut columns = Columns::new(&row);
        counts.push((columns.number()?, columns.number()?));
    }
    Ok(counts)
}
