//! A bare connection for tests of single rules: sends JSON, collects frames, understands nothing.

use super::cluster::Cluster;
use chat_core::{
    model::UserId,
    protocol::CloseCode,
    realtime::{Outbox, Outgoing, Session, Wire},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long nothing may come before all that was due counts as come.
const QUIET: Duration = Duration::from_millis(500);

/// A connection and what came over it.
pub(crate) struct Line {
    pub(crate) session: Session,
    outbox: Outbox,
    pub(crate) frames: Vec<Value>,
    pub(crate) pings: usize,
    pub(crate) closed: Option<CloseCode>,
    next_id: u64,
}

impl Line {
    /// Opens a classic connection and takes what comes at once.
    pub(crate) async fn classic(cluster: &Cluster, node: usize, user: UserId) -> Self {
        let mut line = Self::open(cluster, node, user, Wire::Classic).await;
        line.settle().await;
        line
    }

    /// Opens a connection of protocol 2 and says nothing yet.
    pub(crate) async fn silent(cluster: &Cluster, node: usize, user: UserId) -> Self {
        Self::open(cluster, node, user, Wire::V2).await
    }

    /// Opens a connection of protocol 2 and says `hello` with nothing at hand.
    pub(crate) async fn fresh(cluster: &Cluster, node: usize, user: UserId, device: &str) -> Self {
        let mut line = Self::silent(cluster, node, user).await;
        line.ask("hello", json!({"protocol": 2, "device_id": device})).await.unwrap();
        line.settle().await;
        line
    }

    /// Opens a classic connection and takes nothing yet.
    pub(crate) async fn silent_classic(cluster: &Cluster, node: usize, user: UserId) -> Self {
        Self::open(cluster, node, user, Wire::Classic).await
    }

    async fn open(cluster: &Cluster, node: usize, user: UserId, wire: Wire) -> Self {
        let (session, outbox) = cluster.connect(node, user, wire).await.unwrap();
        Self::of(session, outbox)
    }

    /// Takes a connection over.
    pub(crate) fn of(session: Session, outbox: Outbox) -> Self {
        Self { session, outbox, frames: Vec::new(), pings: 0, closed: None, next_id: 0 }
    }

    /// Sends a frame that asks for an answer; returns the answer's payload.
    pub(crate) async fn ask(&mut self, kind: &str, payload: Value) -> Result<Value, Value> {
        self.next_id += 1;
        let id = self.next_id;
        self.raw(&json!({"type": kind, "id": id, "payload": payload}).to_string()).await;
        loop {
            let answer = self.frames.iter().position(|frame| frame["id"] == id);
            if let Some(index) = answer {
                let frame = self.frames.remove(index);
                let payload = frame["payload"].clone();
                return if frame["type"] == "ack" { Ok(payload) } else { Err(payload) };
            }
            assert!(self.take(Duration::from_secs(10)).await, "{kind} was not answered");
        }
    }

    /// Sends a frame that asks for no answer.
    pub(crate) async fn send(&self, kind: &str, payload: Value) {
        self.raw(&json!({"type": kind, "payload": payload}).to_string()).await;
    }

    /// Sends a text as it is.
    pub(crate) async fn raw(&self, text: &str) {
        self.session.handle(text).await;
    }

    /// Takes what comes until nothing has come for a while.
    pub(crate) async fn settle(&mut self) {
        while self.take(QUIET).await {}
    }

    /// Takes what comes within `time`; says whether anything did.
    pub(crate) async fn take(&mut self, time: Duration) -> bool {
        let mut batch = Vec::new();
        let count = tokio::time::timeout(time, self.outbox.recv_many(&mut batch)).await;
        for item in batch {
            match item {
                Outgoing::Frame(frame) => self.frames.push(serde_json::from_slice(&frame).unwrap()),
                Outgoing::Ping => self.pings += 1,
                Outgoing::Close(code) => self.closed = Some(code),
            }
        }
        count.is_ok_and(|count| count > 0)
    }

    /// Takes the payloads of a type of frame out of what came.
    pub(crate) fn payloads(&mut self, kind: &str) -> Vec<Value> {
        let (taken, rest) =
            std::mem::take(&mut self.frames).into_iter().partition(|frame| frame["type"] == kind);
        self.frames = rest;
        let taken: Vec<Value> = taken;
        taken.into_iter().map(|frame| frame["payload"].clone()).collect()
    }

    /// Returns the types of what came, in order.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
    }

    /// Returns the texts of the messages that came, in order.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let messages = self.payloads("receive_message");
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    }
}
