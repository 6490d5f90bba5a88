//! The digest of a request, by which a retry is told from another request under the same key.

use super::{SendRequest, body::AskedFiles};
use crate::model::{ConversationId, MessageId, RequestHash};
use aws_lc_rs::digest;

/// Digests what a client asked for, before hooks. A file counts by its id, since its address changes from day to day.
pub(super) fn request_hash(
    conversation: ConversationId,
    request: &SendRequest,
    asked: &AskedFiles,
) -> RequestHash {
    let mut digest = RequestDigest::new();
    digest.number(conversation.get());
    digest.text(&request.text);
    digest.number(request.reply_to.map_or(0, MessageId::get));
    digest.files(asked);
    digest.finish()
}

/// SHA-256 over fields that cannot run into each other: numbers have a fixed width, texts begin with their length.
pub(crate) struct RequestDigest(digest::Context);

impl RequestDigest {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(crate) fn number(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.0.update(text.as_bytes());
    }

    pub(crate) fn files(&mut self, asked: &AskedFiles) {
        for id in asked.ids() {
            self.number(id.get());
        }
        if let Some(link) = asked.link() {
            self.text(link);
        }
    }

    pub(crate) fn finish(self) -> RequestHash {
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.0.finish().as_ref()[..16]);
        RequestHash(hash)
    }
}
