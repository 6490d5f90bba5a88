//! What a client has said and not seen stored: kept, and tried again on whatever connection there is, under the same key.

use super::{Asked, Client};
use serde_json::{Value, json};

/// Messages under way at a time.
const WINDOW: usize = 8;

/// A message that is on its way.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(super) client_id: String,
    target: Value,
    text: String,
}

impl Client {
    /// Says something into a conversation.
    pub(crate) fn say(&mut self, conversation: i64) {
        self.draft(json!({"conversation_id": conversation}));
    }

    /// Says something to a person.
    pub(crate) fn say_to(&mut self, person: i64) {
        self.draft(json!({"to": person}));
    }

    fn draft(&mut self, target: Value) {
        self.next_draft += 1;
        let client_id = format!("{}-{}", self.name, self.next_draft);
        let text = format!("{client_id} says");
        self.drafts.push(Draft { client_id, target, text });
    }

    /// Returns how many messages are not known to be stored.
    pub(crate) fn pending(&self) -> usize {
        self.drafts.len()
    }

    /// Sends what is not under way on this connection, in order and a few at a time.
    pub(super) async fn resend(&mut self) {
        let Some(link) = &self.link else { return };
        if !link.is_ready {
            return;
        }
        let waiting = |draft: &Draft| {
            link.asked.values().any(|(asked, _)| *asked == Asked::Send(draft.client_id.clone()))
        };
        let due: Vec<_> = self.drafts.iter().take(WINDOW).filter(|draft| !waiting(draft)).cloned().collect();
        for draft in due {
            let mut payload = draft.target.clone();
            payload["message"] = json!(draft.text);
            payload["client_id"] = json!(draft.client_id);
            self.ask("send_message", payload, Asked::Send(draft.client_id)).await;
        }
    }

    pub(super) fn sent(&mut self, client_id: &str, is_ack: bool, payload: &Value) {
        let code = payload["code"].as_str().unwrap_or_default();
        let is_over = is_ack || !["busy", "internal", "rate_limited", "unavailable"].contains(&code);
        if is_ack {
            assert_eq!(payload["message"]["client_id"], client_id, "an answer under another key");
            let what = if payload["duplicate"] == true { "duplicates" } else { "sent" };
            *self.counts.entry(what.to_owned()).or_default() += 1;
        } else if is_over {
            // Somebody was removed meanwhile: the message is refused for good.
            assert_eq!(code, "not_found", "{}: refused: {payload}", self.name);
            *self.counts.entry("refused".to_owned()).or_default() += 1;
        }
        if is_over {
            self.drafts.retain(|draft| draft.client_id != client_id);
        }
    }
}
