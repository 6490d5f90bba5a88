//! The accept loop: HTTP/1.1 and HTTP/2 on a listener, with limits and an orderly end. Knows nothing about chats.

use crate::{ChatService, Peer};
use async_trait::async_trait;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use std::{
    convert::Infallible,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Turns an accepted connection into the stream that HTTP is spoken on: TLS, or nothing.
#[async_trait]
pub trait Handshake: fmt::Debug + Send + Sync + 'static {
    /// The stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Whether it is encrypted.
    const SECURE: bool;

    /// Does the handshake. It runs in the connection's own task and is given up with the header timeout.
    ///
    /// # Errors
    /// Whatever went wrong; the connection is dropped.
    async fn handshake(&self, stream: TcpStream) -> io::Result<Self::Stream>;
}

/// No handshake: HTTP straight on TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainText;

#[async_trait]
impl Handshake for PlainText {
    type Stream = TcpStream;
    const SECURE: bool = false;

    async fn handshake(&self, stream: TcpStream) -> io::Result<TcpStream> {
        Ok(stream)
    }
}

/// A place among the connections. A socket keeps it beyond the request that opened it.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Serves a [`ChatService`] on a listener.
#[derive(Debug)]
pub struct Server<H = PlainText> {
    service: ChatService,
    handshake: Arc<H>,
    connections: usize,
    header_timeout: Duration,
    drain_timeout: Duration,
}

impl Server {
    /// Serves without TLS: at most 100,000 connections at a time, 10 s for a request's head, 10 s to drain.
    #[must_use]
    pub fn new(service: ChatService) -> Self {
        Self {
            service,
            handshake: Arc::new(PlainText),
            connections: 100_000,
            header_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

impl<H: Handshake> Server<H> {
    /// Replaces the handshake, for example by TLS.
    #[must_use]
    pub fn with_handshake<N: Handshake>(self, handshake: N) -> Server<N> {
        Server {
            service: self.service,
            handshake: Arc::new(handshake),
            connections: self.connections,
            header_timeout: self.header_timeout,
            drain_timeout: self.drain_timeout,
        }
    }

    /// Sets how many connections are served at a time; further ones wait to be accepted.
    #[must_use]
    pub const fn with_connection_limit(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Sets how long a client may take for the head of a request.
    #[must_use]
    pub const fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Sets how long requests and sockets may take to end after the shutdown.
    #[must_use]
    pub const fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Serves until `shutdown` is cancelled, then lets requests finish and sockets close.
    ///
    /// The chat is not shut down here: cancel `shutdown` and call [`Chat::shutdown`](chat_core::Chat::shutdown) together, so
    /// that the sockets are told to come back elsewhere.
    ///
    /// # Errors
    /// When the listener itself breaks; a connection that fails to be accepted is logged and passed over.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        let graceful = GracefulShutdown::new();
        let connections = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.connections));
        let http = Arc::new(self.builder());
        let server = Arc::new(self);
        loop {
            let accept = async {
                let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    let (server, http, watcher) =
                        (Arc::clone(&server), Arc::clone(&http), graceful.watcher());
                    let slot = Slot { _permit: Arc::new(slot) };
                    connections.spawn(async move {
                        server.connection(&http, stream, address, slot, watcher).await;
                    });
                }
                Err(error) => pause_after(&error).await,
            }
        }
        drop(listener);
        connections.close();
        tokio::join!(server.finish(graceful, &connections), server.service.drain(server.drain_timeout));
        Ok(())
    }

    async fn finish(&self, graceful: GracefulShutdown, connections: &TaskTracker) {
        let ended = async {
            graceful.shutdown().await;
            connections.wait().await;
        };
        if tokio::time::timeout(self.drain_timeout, ended).await.is_err() {
            tracing::warn!(open = connections.len(), "connections were still open at the end of the drain");
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // Without a timer hyper's timeouts do nothing.
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(64 << 10);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_header_list_size(32 << 10)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(30));
        builder
    }

    async fn connection(
        &self,
        http: &auto::Builder<TokioExecutor>,
        stream: TcpStream,
        address: SocketAddr,
        slot: Slot,
        watcher: Watcher,
    ) {
        // Frames are small and flushed as a whole; waiting for company costs 40 ms and gains nothing.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "socket option nodelay");
        }
        let stream = match tokio::time::timeout(self.header_timeout, self.handshake.handshake(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "handshake"),
            Err(_) => return tracing::debug!("handshake took too long"),
        };
        let peer = Peer { address, secure: H::SECURE };
        let begun = Arc::new(AtomicBool::new(false));
        let service = service_fn(|mut request: Request<Incoming>| {
            let service = self.service.clone();
            begun.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(slot.clone());
            async move { Ok::<_, Infallible>(service.handle(request).await) }
        });
        let connection = watcher.watch(http.serve_connection_with_upgrades(TokioIo::new(stream), service));
        // Hyper's own timer starts only after the first bytes have told the version apart.
        let silent = async {
            tokio::time::sleep(self.header_timeout).await;
            if begun.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "connection");
            },
            () = silent => tracing::debug!("the first request took too long"),
        }
    }
}

/// A connection that broke before it was accepted says nothing about the next one; a process without file descriptors must
/// wait for some to be closed instead of spinning.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "accepting a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
