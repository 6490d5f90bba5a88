//! Chat over lines of JSON on TCP: the whole protocol without HTTP or WebSocket.
//!
//! The first line is a name, which stands for whatever sign-in a real transport has. Then each line is a frame, both ways:
//!
//! ```text
//! $ nc 127.0.0.1 4000
//! maya
//! {"type":"hello","id":1,"payload":{"protocol":2,"device_id":"nc"}}
//! ```
//!
//! The port is the first argument; 4000 without one.
#![forbid(unsafe_code)]

use async_trait::async_trait;
use chat_core::{
    Chat, ConnInfo, Error, Outbox, Outgoing, Result, Session, Transport, Wire, auth::Identity,
    config::Directory, store::memory::MemoryStore,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// The longest line: the chat's own limit on frames, and the end of the line.
const LINE: u64 = (1 << 20) + 1;

/// Serves lines of JSON on a listener.
#[derive(Debug)]
struct Lines {
    listener: TcpListener,
}

#[async_trait]
impl Transport for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    async fn serve(self: Box<Self>, chat: Chat, shutdown: CancellationToken) -> Result<()> {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, _) =
                accepted.map_err(|error| Error::unavailable("cannot accept").with_source(error))?;
            connections.spawn(converse(chat.clone(), stream));
        }
        // The chat's own drain says goodbye to every connection.
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

/// One connection, from the name to the end.
async fn converse(chat: Chat, stream: TcpStream) {
    let remote = stream.peer_addr().ok().map(|address| address.ip());
    let (reader, writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let Some(name) = line(&mut reader).await else { return };
    let info = ConnInfo { remote, protocol: Wire::V2, user_agent: None };
    match chat.connect(Identity::external(name.clone(), name), info).await {
        // Whichever half ends first ends the other: dropping a `Session` or `Outbox` closes the connection.
        Ok((session, outbox)) => tokio::select! {
            () = read(&session, reader) => {}
            () = write(outbox, writer) => {}
        },
        Err(error) => eprintln!("refused: {error}"),
    }
}

async fn line(reader: &mut BufReader<OwnedReadHalf>) -> Option<String> {
    let mut line = String::new();
    let read = reader.take(LINE).read_line(&mut line).await.ok()?;
    (read > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned())
}

async fn read(session: &Session, mut reader: BufReader<OwnedReadHalf>) {
    while let Some(line) = line(&mut reader).await {
        session.handle(&line).await;
    }
}

async fn write(mut outbox: Outbox, writer: OwnedWriteHalf) {
    let mut writer = BufWriter::new(writer);
    let mut frames = Vec::new();
    while outbox.recv_many(&mut frames).await > 0 {
        for outgoing in frames.drain(..) {
            let written = match outgoing {
                Outgoing::Frame(bytes) => {
                    async {
                        writer.write_all(&bytes).await?;
                        writer.write_all(b"\n").await
                    }
                    .await
                }
                // TCP notices a dead peer by itself.
                Outgoing::Ping => Ok(()),
                Outgoing::Close(_) => return,
            };
            if written.is_err() {
                return;
            }
        }
        // One flush for all that waited.
        if writer.flush().await.is_err() {
            return;
        }
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "4000".to_owned());
    let chat = Chat::builder(MemoryStore::new()).directory(Directory::Open).build()?;
    tokio::spawn(chat.run());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    Box::new(Lines { listener }).serve(chat, CancellationToken::new()).await?;
    Ok(())
}
