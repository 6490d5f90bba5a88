//! Messages that the server has not acknowledged yet, kept in a file so that they survive the process.
//!
//! The file is a journal of JSON lines; it is rewritten when it is opened.

use crate::Error;
use chat_core::{
    model::{ConversationId, MediaId, MessageId, UserId},
    protocol::SendMessage,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashSet, VecDeque},
    path::{Path, PathBuf},
};
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt as _,
};

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Into a conversation.
    Conversation(ConversationId),
    /// To a person.
    User(UserId),
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The key under which the server knows retries.
    pub client_id: String,
    /// To whom.
    pub target: Target,
    /// The text.
    pub text: String,
    /// Files that are uploaded already.
    #[serde(default)]
    pub attachments: Vec<MediaId>,
    /// The answered message.
    #[serde(default)]
    pub reply_to: Option<MessageId>,
}

impl Queued {
    /// Returns the payload of the frame that sends it.
    #[must_use]
    pub fn to_payload(&self) -> SendMessage {
        let (to, conversation_id) = match self.target {
            Target::Conversation(id) => (None, Some(id)),
            Target::User(id) => (Some(id), None),
        };
        SendMessage {
            to,
            conversation_id,
            message: self.text.clone(),
            media_url: None,
            attachments: self.attachments.clone(),
            reply_to: self.reply_to,
            client_id: Some(self.client_id.clone()),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Put(Queued),
    Settled(String),
}

/// The queue. One message per target is in flight at a time, so that order is kept; targets do not wait for each other.
#[derive(Debug)]
pub struct Outbox {
    journal: Option<File>,
    queue: VecDeque<Queued>,
    in_flight: HashSet<String>,
}

impl Outbox {
    /// Keeps messages in memory only.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { journal: None, queue: VecDeque::new(), in_flight: HashSet::new() }
    }

    /// Opens the journal, with whatever an earlier process left in it.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read or written.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let queue = match tokio::fs::read_to_string(path).await {
            Ok(text) => replay(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => VecDeque::new(),
            Err(error) => return Err(error.into()),
        };
        rewrite(path, &queue).await?;
        let journal = OpenOptions::new().append(true).open(path).await?;
        Ok(Self { journal: Some(journal), queue, in_flight: HashSet::new() })
    }

    /// Adds a message; it is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written; then it is not queued.
    pub async fn put(&mut self, message: Queued) -> Result<(), Error> {
        self.write(&Line::Put(message.clone())).await?;
        self.queue.push_back(message);
        Ok(())
    }

    /// Takes the messages that may go out now: the oldest of each target that has none in flight.
    pub fn take_ready(&mut self) -> Vec<Queued> {
        let mut taken = HashSet::new();
        let flying = &mut self.in_flight;
        let ready = self
            .queue
            .iter()
            .filter(|message| taken.insert(message.target) && !flying.contains(&message.client_id));
        let ready: Vec<_> = ready.cloned().collect();
        flying.extend(ready.iter().map(|message| message.client_id.clone()));
        ready
    }

    /// Notes that nothing is in flight any more, because the connection is gone.
    pub fn disconnected(&mut self) {
        self.in_flight.clear();
    }

    /// Puts a refused message back, to be tried again.
    pub fn retry(&mut self, client_id: &str) {
        self.in_flight.remove(client_id);
    }

    /// Removes a message that is stored, or refused for good.
    ///
    /// # Errors
    /// [`Error::File`] when that cannot be written; the message would be sent again after a restart, which is harmless.
    pub async fn settle(&mut self, client_id: &str) -> Result<Option<Queued>, Error> {
        self.in_flight.remove(client_id);
        let Some(place) = self.queue.iter().position(|message| message.client_id == client_id) else {
            return Ok(None);
        };
        let message = self.queue.remove(place);
        self.write(&Line::Settled(client_id.to_owned())).await?;
        Ok(message)
    }

    /// Returns how many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Says whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    async fn write(&mut self, line: &Line) -> Result<(), Error> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let mut text = serde_json::to_string(line).expect("a line has string keys only");
        text.push('\n');
        journal.write_all(text.as_bytes()).await?;
        journal.sync_data().await?;
        Ok(())
    }
}

/// Reads a journal. A last line that was cut off by a crash was never promised to anybody.
fn replay(text: &str) -> VecDeque<Queued> {
    let mut queue = VecDeque::new();
    for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Put(message) => queue.push_back(message),
            Line::Settled(id) => queue.retain(|message: &Queued| message.client_id != id),
        }
    }
    queue
}

/// Replaces the journal in one step, so that a crash leaves the old or the new one.
async fn rewrite(path: &Path, queue: &VecDeque<Queued>) -> Result<(), Error> {
    let lines: String = queue
        .iter()
        .map(|message| {
            serde_json::to_string(&Line::Put(message.clone())).expect("a line has string keys only") + "\n"
        })
        .collect();
    let mut fresh = PathBuf::from(path);
    fresh.as_mut_os_string().push(".new");
    let mut file = File::create(&fresh).await?;
    file.write_all(lines.as_bytes()).await?;
    file.sync_all().await?;
    tokio::fs::rename(&fresh, path).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Outbox, Queued, Target};
    use chat_core::model::UserId;

    fn message(key: &str, to: i64) -> Queued {
        let target = Target::User(UserId::new(to));
        Queued {
            client_id: key.to_owned(),
            target,
            text: key.to_owned(),
            attachments: Vec::new(),
            reply_to: None,
        }
    }

    fn keys(messages: &[Queued]) -> Vec<&str> {
        messages.iter().map(|message| message.client_id.as_str()).collect()
    }

    #[tokio::test]
    async fn one_message_per_target_is_in_flight() {
        let mut outbox = Outbox::in_memory();
        for (key, to) in [("a1", 1), ("a2", 1), ("b1", 2)] {
            outbox.put(message(key, to)).await.unwrap();
        }
        assert_eq!(keys(&outbox.take_ready()), ["a1", "b1"]);
        assert!(outbox.take_ready().is_empty());
        outbox.settle("a1").await.unwrap();
        assert_eq!(keys(&outbox.take_ready()), ["a2"]);
        outbox.disconnected();
        assert_eq!(keys(&outbox.take_ready()), ["a2", "b1"]);
    }

    #[tokio::test]
    async fn what_was_not_acknowledged_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox");
        let mut outbox = Outbox::open(&path).await.unwrap();
        outbox.put(message("a", 1)).await.unwrap();
        outbox.put(message("b", 1)).await.unwrap();
        outbox.settle("a").await.unwrap();
        drop(outbox);
        // A crash in the middle of a line.
        let torn = std::fs::read_to_string(&path).unwrap() + "{\"put\":{\"client_id\":\"c\"";
        std::fs::write(&path, torn).unwrap();
        let mut outbox = Outbox::open(&path).await.unwrap();
        assert_eq!(keys(&outbox.take_ready()), ["b"]);
    }
}
