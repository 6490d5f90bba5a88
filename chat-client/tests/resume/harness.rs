//! A server inside the test, and a network that the test can cut.

use chat_client::{Api, SignedIn};
use chat_core::{
    Chat,
    accounts::{Accounts, AccountsConfig, TokenKey, TokenKeys},
    clock::SystemClock,
    config::{Directory, RateLimits},
    store::{Store, memory::MemoryStore},
};
use chat_transport::{ChatService, Server};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

const SECRET: &[u8] = b"a key of at least thirty-two bytes, for tests";

/// A running server on a free port.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    accounts: Accounts,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let keys = TokenKeys::new(TokenKey::new(SECRET).expect("it is long enough"));
        let accounts = Accounts::new(Arc::clone(&store), Arc::new(SystemClock), AccountsConfig::new(keys))
            .expect("the settings are the defaults");
        let chat = Chat::builder_arc(store)
            .authenticator(Arc::new(accounts.clone()))
            .directory(Directory::Open)
            .rate_limits(RateLimits::off())
            .build()
            .expect("the settings are good");
        tokio::spawn(chat.run());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let service = ChatService::new(chat).with_accounts(accounts.clone());
        tokio::spawn(Server::new(service).serve(listener, CancellationToken::new()));
        Self { address, accounts }
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(&format!("http://{}", self.address)).expect("it is an address")
    }

    /// Creates a person and signs in.
    pub(crate) async fn session(&self, name: &str) -> SignedIn {
        self.accounts.add_user(name, "correct horse battery 9".to_owned()).await.expect("the name is free");
        self.api().login(name, "correct horse battery 9").await.expect("the password is right")
    }
}

/// Passes connections on until it is told to cut them.
pub(crate) struct Proxy {
    address: SocketAddr,
    cuts: watch::Sender<u32>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (cuts, cut) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cut.clone();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.expect("the server listens");
                    tokio::select! {
                        // However it ends, both sides are dropped.
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts }
    }

    pub(crate) fn socket_address(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// Breaks every connection that is open now.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }
}
