//! The published suite on a journal in a temporary folder.

use chat_core::conformance::Stage;
use custom_store::JournalStore;

chat_core::store_conformance!(
    async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.jsonl");
        let stage = Stage::new(JournalStore::open(&path).unwrap()).keeping(folder);
        stage.reopened_by(move || {
            let path = path.clone();
            async move { JournalStore::open(&path).unwrap() }
        })
    },
    without accounts
);
