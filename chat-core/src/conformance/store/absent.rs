//! What a store must say that lacks an optional family.

use super::Stage;

pub(super) async fn a_store_without_accounts_says_so(stage: Stage) {
    assert!(stage.store.accounts().is_none(), "declared without accounts, but it has them");
}
