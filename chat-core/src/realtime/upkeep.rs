//! What has to be done beside delivery, for as long as a chat runs: quotas, files, and telling of sessions that were ended.

use crate::{
    Chat,
    bus::{EndReason, Hint, Topic},
    model::AuthSessionId,
};

/// Does all of it for ever.
pub(super) async fn run(chat: Chat) {
    tokio::join!(chat.inner.quotas.housekeep(), chat.housekeep_media(), tell_ended(&chat));
}

/// Tells all nodes, this one too, of the sign-in sessions that are ended here.
async fn tell_ended(chat: &Chat) {
    let authenticator = chat.inner.authenticator.as_deref();
    let Some(sessions) = authenticator.and_then(|authenticator| authenticator.sessions()) else { return };
    loop {
        let ended = sessions.next_ended().await;
        let hint = Hint::Ended {
            user_id: ended.user_id,
            session: ended.session.map(AuthSessionId::get),
            reason: EndReason::SignedOut,
        };
        chat.inner.publish(Topic::ALL, hint).await;
    }
}

#[cfg(test)]
#[cfg(feature = "accounts")]
mod tests {
    use crate::{
        Chat,
        accounts::{Accounts, AccountsConfig, Device, NewRegistration, TokenKey, TokenKeys, TokenLife},
        bus::{Bus, memory::MemoryBus},
        clock::SystemClock,
        store::{Store, memory::MemoryStore},
    };
    use std::{sync::Arc, time::Duration};

    fn node(store: &Arc<MemoryStore>, bus: MemoryBus) -> (Chat, Accounts) {
        let keys = TokenKeys::new(TokenKey::new(&[7; 32]).unwrap());
        let store = Arc::clone(store) as Arc<dyn Store>;
        let config = AccountsConfig::new(keys);
        let accounts = Accounts::new(Arc::clone(&store), Arc::new(SystemClock), config).unwrap();
        let builder = Chat::builder_arc(store).bus(Arc::new(bus) as Arc<dyn Bus>);
        (builder.authenticator(Arc::new(accounts.clone())).build().unwrap(), accounts)
    }

    #[tokio::test]
    async fn a_session_that_one_node_ends_is_refused_by_the_others_without_waiting_for_their_caches() {
        let store = Arc::new(MemoryStore::new());
        let bus = MemoryBus::new();
        let (there, _) = node(&store, bus.attach());
        let (here, accounts) = node(&store, bus);
        let runs = [tokio::spawn(here.run()), tokio::spawn(there.run())];
        for chat in [&here, &there] {
            chat.inner.started.subscribe().wait_for(|started| *started).await.unwrap();
        }
        let signed_in = accounts
            .register(NewRegistration {
                username: "ada".to_owned(),
                password: "correct horse battery staple".to_owned(),
                invite: None,
                life: TokenLife::Full,
                device: Device::default(),
            })
            .await
            .unwrap();
        let token = &signed_in.access.token;
        there.authenticate(token).await.unwrap();
        accounts.log_out(&signed_in.refresh).await.unwrap();
        let refused = async {
            while there.authenticate(token).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), refused).await.expect("the hint arrives");
        for chat in [&here, &there] {
            chat.shutdown();
        }
        for run in runs {
            run.await.unwrap().unwrap();
        }
    }
}
