//! The engine without sockets and disks: sessions, pipeline, hub and outboxes over the store in memory, on one thread.
//!
//! `cargo bench -p chat-core --bench engine`. What a server adds to these figures is its storage and its sockets.

use chat_core::{
    Chat, ConnInfo, Outbox, Outgoing, Session, Wire,
    auth::Identity,
    chat::{NewGroupRequest, SendRequest, Target},
    config::{Directory, RateLimits},
    model::UserId,
    store::memory::MemoryStore,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const USERS: usize = 50;
const OUTSTANDING: usize = 10;
const RUN: Duration = Duration::from_secs(3);
const RECEIVERS: usize = 999;
const ROUNDS: u32 = 50;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        direct().await?;
        group().await
    })
}

async fn start() -> Result<Chat, Failure> {
    let chat = Chat::builder(MemoryStore::new())
        .directory(Directory::Open)
        .rate_limits(RateLimits::off())
        .build()?;
    tokio::spawn(chat.run());
    while chat.epoch().is_err() {
        tokio::task::yield_now().await;
    }
    Ok(chat)
}

async fn connect(chat: &Chat, name: &str) -> Result<(UserId, Session, Outbox), Failure> {
    let info = ConnInfo { protocol: Wire::V2, ..ConnInfo::default() };
    let (session, mut outbox) = chat.connect(Identity::external(name, name), info).await?;
    session.handle(r#"{"type":"hello","payload":{"protocol":2,"device_id":"bench"}}"#).await;
    let mut batch = Vec::new();
    while !batch.iter().any(|item| is_frame(item, b"ready")) {
        outbox.recv_many(&mut batch).await;
    }
    Ok((session.user_id(), session, outbox))
}

fn is_frame(item: &Outgoing, kind: &[u8]) -> bool {
    // The type stands first in every frame of the server.
    matches!(item, Outgoing::Frame(frame) if frame.windows(kind.len()).take(24).any(|window| window == kind))
}

/// Direct messages: each person keeps some unanswered sends to the next one.
async fn direct() -> Result<(), Failure> {
    let chat = start().await?;
    let mut people = Vec::new();
    for number in 0..USERS {
        people.push(connect(&chat, &format!("user {number}")).await?);
    }
    let ids: Vec<_> = people.iter().map(|(id, ..)| *id).collect();
    let delivered = Arc::new(AtomicU64::new(0));
    let acked = Arc::new(AtomicU64::new(0));
    let (begin, cpu) = (Instant::now(), cpu_time());
    let mut tasks = Vec::new();
    for (index, (_, session, mut outbox)) in people.into_iter().enumerate() {
        let to = ids[(index + 1) % ids.len()];
        let (delivered, acked) = (Arc::clone(&delivered), Arc::clone(&acked));
        tasks.push(tokio::spawn(async move {
            let text = "x".repeat(100);
            let mut number = 0;
            let mut batch = Vec::new();
            let mut free = OUTSTANDING;
            while begin.elapsed() < RUN {
                for _ in 0..free {
                    number += 1;
                    let frame = format!(
                        r#"{{"type":"send_message","id":{number},"payload":{{"to":{to},"message":"{text}","client_id":"{number}"}}}}"#
                    );
                    session.handle(&frame).await;
                }
                outbox.recv_many(&mut batch).await;
                free = batch.iter().filter(|item| is_frame(item, b"\"ack\"")).count();
                let received = batch.iter().filter(|item| is_frame(item, b"receive_message")).count();
                acked.fetch_add(free as u64, Ordering::Relaxed);
                delivered.fetch_add(received as u64, Ordering::Relaxed);
                batch.clear();
            }
        }));
    }
    for task in tasks {
        task.await?;
    }
    let count = acked.load(Ordering::Relaxed);
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "direct: {:.0} messages/s, {:.0} deliveries/s, {:.2} µs of CPU per message",
        count as f64 / seconds,
        delivered.load(Ordering::Relaxed) as f64 / seconds,
        (cpu_time() - cpu).as_secs_f64() * 1e6 / count as f64,
    );
    chat.shutdown();
    Ok(())
}

/// One message to many: until the last outbox has it.
async fn group() -> Result<(), Failure> {
    let chat = start().await?;
    let (owner, session, owners) = connect(&chat, "owner").await?;
    let mut receivers = Vec::new();
    for number in 0..RECEIVERS {
        receivers.push(connect(&chat, &format!("receiver {number}")).await?);
    }
    let member_ids = receivers.iter().map(|(id, ..)| *id).collect();
    let request = NewGroupRequest { title: "All".to_owned(), member_ids, key: None };
    let id = chat.create_group(owner, request).await?.conversation.id;
    let mut batch = Vec::new();
    // The group itself has to have arrived everywhere.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (.., outbox) in &mut receivers {
        outbox.recv_many(&mut batch).await;
        batch.clear();
    }
    let (mut total, cpu) = (Duration::ZERO, cpu_time());
    for number in 0..ROUNDS {
        let begin = Instant::now();
        chat.send(owner, SendRequest::text(Target::Conversation(id), number.to_string())).await?;
        for (.., outbox) in &mut receivers {
            outbox.recv_many(&mut batch).await;
            batch.clear();
        }
        total += begin.elapsed();
    }
    println!(
        "group of {}: {:.2} ms to the last receiver, {:.2} µs of CPU per delivery",
        RECEIVERS + 1,
        total.as_secs_f64() * 1e3 / f64::from(ROUNDS),
        (cpu_time() - cpu).as_secs_f64() * 1e6 / (f64::from(ROUNDS) * RECEIVERS as f64),
    );
    drop((session, owners));
    chat.shutdown();
    Ok(())
}

/// Returns the CPU time of this process, from the kernel's account; zero where there is no `/proc`.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or_default();
    Duration::from_nanos(nanos)
}
