//! What a client knows of one conversation, and the rules by which that grows.

use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// A lost hint is repaired within five seconds, and a hole is waited for and fetched.
const REPAIRED: Duration = Duration::from_millis(6_000);

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: i64,
    pub(crate) rev: i64,
    pub(crate) created_rev: i64,
    pub(crate) sender: i64,
    pub(crate) content: String,
    pub(crate) is_deleted: bool,
}

/// Somebody's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) rev: i64,
    pub(crate) role: String,
    pub(crate) is_in: bool,
    pub(crate) delivered: i64,
    pub(crate) read: i64,
}

/// How an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// One of a range: holes between its numbers are normal.
    Range,
    /// Live: each number follows the one before.
    Single,
}

/// One conversation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conversation {
    /// Everything up to here is known.
    pub(crate) known: i64,
    /// All receipts up to this flush are known.
    pub(crate) cursor: i64,
    /// A flush of which at least one receipt has come.
    open_cursor: i64,
    /// Whether each number follows the one before.
    pub(crate) is_live: bool,
    /// Whether the numbers belong to another incarnation of the store.
    pub(crate) is_void: bool,
    pub(crate) needs_history: bool,
    pub(crate) title: Option<String>,
    meta_rev: i64,
    pub(crate) messages: BTreeMap<i64, Shown>,
    pub(crate) members: BTreeMap<i64, Row>,
    /// Own cursors as this device moved them: delivered, read.
    pub(crate) own: (i64, i64),
    /// What came before its time.
    early: BTreeMap<i64, Value>,
    hole_since: Option<Instant>,
    gap_since: Option<Instant>,
}

impl Conversation {
    pub(super) fn have(&self, id: i64) -> Value {
        json!({
            "conversation_id": id, "rev": self.known, "cursor": self.cursor,
            "delivered_seq": self.own.0, "read_seq": self.own.1,
        })
    }

    pub(super) fn lost_connection(&mut self) {
        self.is_live = false;
        self.early.clear();
        self.hole_since = None;
        self.gap_since = None;
        self.open_cursor = self.cursor;
    }

    /// The answer to `hello` is complete: what was listed and not spoken of is unchanged, and live.
    pub(super) fn listed_is_ready(&mut self, name: &str, id: i64) {
        assert!(!self.is_void, "{name}: conversation {id} of another epoch was not reset");
        self.is_live = true;
        self.catch_up(name, id);
    }

    pub(super) fn reset(&mut self, payload: &Value) {
        *self = Self {
            known: payload["rev"].as_i64().unwrap(),
            cursor: payload["cursor"].as_i64().unwrap(),
            open_cursor: payload["cursor"].as_i64().unwrap(),
            is_live: true,
            needs_history: true,
            own: if self.is_void { (0, 0) } else { self.own },
            ..Self::default()
        };
    }

    /// Takes in the row as the list shows it; no step of the conversation's numbers.
    pub(super) fn told(&mut self, payload: &Value) {
        self.meta(payload);
        for member in payload["members"].as_array().into_iter().flatten() {
            self.member(member);
        }
    }

    fn meta(&mut self, payload: &Value) {
        let rev = payload["rev"].as_i64().unwrap();
        if rev >= self.meta_rev {
            self.meta_rev = rev;
            self.title = payload["title"].as_str().map(ToOwned::to_owned);
        }
    }

    pub(super) fn event(&mut self, name: &str, id: i64, kind: &str, frame: &Value) {
        let payload = &frame["payload"];
        match kind {
            "live" => self.live(name, id, payload),
            "cursors" => {
                for member in payload["members"].as_array().unwrap() {
                    self.receipt(
                        member["user_id"].as_i64().unwrap(),
                        &member["delivered_seq"],
                        &member["read_seq"],
                    );
                }
                self.cursor = self.cursor.max(payload["cursor"].as_i64().unwrap());
                self.open_cursor = self.open_cursor.max(self.cursor);
            }
            "status_change" => {
                let (seq, none) = (&payload["seq"], json!(0));
                let read = if payload["status"] == "read" { seq } else { &none };
                self.receipt(payload["user_id"].as_i64().unwrap(), seq, read);
                self.flushed(payload["cursor"].as_i64().unwrap());
            }
            _ => self.step(name, id, kind, frame, if self.is_live { Step::Single } else { Step::Range }),
        }
    }

    /// A receipt of a flush came: the flush before it is complete, this one may not be.
    fn flushed(&mut self, cursor: i64) {
        if cursor == self.open_cursor + 1 {
            self.cursor = self.open_cursor;
            self.open_cursor = cursor;
        }
    }

    fn live(&mut self, name: &str, id: i64, payload: &Value) {
        let (from, to) = (payload["from"].as_i64().unwrap(), payload["rev"].as_i64().unwrap());
        if self.known >= from {
            self.is_live = true;
            self.known = self.known.max(to);
        } else if to > self.known {
            self.hole_since.get_or_insert_with(Instant::now);
            self.early.insert(to, json!({"type": "live", "payload": payload}));
        }
        self.catch_up(name, id);
    }

    /// All that this reader may see above `from` up to `to` was given.
    pub(super) fn proved(&mut self, from: i64, to: i64) {
        if self.known >= from {
            self.known = self.known.max(to);
        }
    }

    /// Takes in a durable event.
    pub(super) fn step(&mut self, name: &str, id: i64, kind: &str, frame: &Value, step: Step) {
        let payload = &frame["payload"];
        let rev = payload["rev"].as_i64().unwrap_or_else(|| panic!("{kind} without a number"));
        if rev <= self.known {
            return;
        }
        if step == Step::Single && rev > self.known + 1 {
            self.hole_since.get_or_insert_with(Instant::now);
            self.early.insert(rev, frame.clone());
            return;
        }
        match kind {
            "receive_message" | "message_updated" => self.message(name, payload),
            "member_changed" => self.member(payload),
            "conversation_changed" => self.meta(payload),
            _ => {}
        }
        self.known = rev;
        if step == Step::Single {
            self.catch_up(name, id);
        }
    }

    /// Applies what came before its time and is now due.
    pub(super) fn catch_up(&mut self, name: &str, id: i64) {
        self.early.retain(|rev, _| *rev > self.known);
        while let Some((rev, frame)) = self.early.pop_first() {
            let from = frame["payload"]["from"].as_i64().unwrap_or(rev - 1);
            if from > self.known {
                self.early.insert(rev, frame);
                break;
            }
            match frame["type"].as_str().unwrap() {
                "live" => self.known = self.known.max(rev),
                kind => self.step(name, id, kind, &frame, Step::Range),
            }
        }
        if self.early.is_empty() {
            self.hole_since = None;
        }
    }

    pub(super) fn has_hole_for(&self, time: Duration) -> bool {
        self.hole_since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Shows a message, or a later state of it.
    pub(super) fn message(&mut self, name: &str, view: &Value) {
        let shown = Shown {
            id: view["id"].as_i64().unwrap(),
            rev: view["rev"].as_i64().unwrap(),
            created_rev: view["created_rev"].as_i64().unwrap(),
            sender: view["sender_id"].as_i64().unwrap(),
            content: view["content"].as_str().unwrap().to_owned(),
            is_deleted: !view["deleted_at"].is_null(),
        };
        let seq = view["seq"].as_i64().unwrap();
        // The same message under two places, or two messages in one place, would be shown twice.
        let twin = self.messages.iter().find(|(other, known)| known.id == shown.id && **other != seq);
        assert!(twin.is_none(), "{name}: message {} stands in two places", shown.id);
        match self.messages.get(&seq) {
            Some(known) => {
                assert_eq!(
                    (known.id, known.created_rev),
                    (shown.id, shown.created_rev),
                    "{name}: two in one place"
                );
                if shown.rev > known.rev {
                    self.messages.insert(seq, shown);
                }
            }
            None => drop(self.messages.insert(seq, shown)),
        }
    }

    pub(super) fn member(&mut self, view: &Value) {
        let user = view["user"]["id"].as_i64().unwrap();
        let rev = view["rev"].as_i64().unwrap();
        let (delivered, read) = (view["delivered_seq"].as_i64().unwrap(), view["read_seq"].as_i64().unwrap());
        let role = view["role"].as_str().unwrap().to_owned();
        let is_in = view["left_at"].is_null();
        match self.members.get_mut(&user) {
            Some(row) if rev >= row.rev => {
                let came_back = is_in && !row.is_in;
                let (old_delivered, old_read) = if came_back { (0, 0) } else { (row.delivered, row.read) };
                *row = Row {
                    rev,
                    role,
                    is_in,
                    delivered: delivered.max(old_delivered),
                    read: read.max(old_read),
                };
            }
            Some(row) => {
                row.delivered = row.delivered.max(delivered);
                row.read = row.read.max(read);
            }
            None => drop(self.members.insert(user, Row { rev, role, is_in, delivered, read })),
        }
    }

    fn receipt(&mut self, user: i64, delivered: &Value, read: &Value) {
        let (delivered, read) = (delivered.as_i64().unwrap(), read.as_i64().unwrap());
        // Somebody who is not known yet comes with the row, which has the cursors.
        if let Some(row) = self.members.get_mut(&user) {
            row.read = row.read.max(read);
            row.delivered = row.delivered.max(delivered).max(row.read);
        }
    }

    /// Once live, and with its history read, nothing is missing between the first message and the last, but for a moment: the state of
    /// a message that changed again since comes with its later number, and a lost hint is repaired within five seconds.
    pub(super) fn check_places(&mut self, name: &str, id: i64) {
        let mut seqs = self.messages.keys().zip(self.messages.keys().skip(1));
        let hole = seqs.find(|(one, next)| **next != *one + 1);
        if !self.is_live || self.needs_history || hole.is_none() {
            self.gap_since = None;
            return;
        }
        let since = *self.gap_since.get_or_insert_with(Instant::now);
        assert!(
            since.elapsed() < REPAIRED,
            "{name}: conversation {id} has a hole at {hole:?}, known {}",
            self.known
        );
    }

    /// The client was not looking: how long a gap was there says nothing.
    pub(super) fn looked_away(&mut self) {
        self.gap_since = None;
    }
}
