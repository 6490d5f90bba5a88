//! The worker of one connection: runs while the connection has requests that need storage, and ends with the last of them.

use super::{
    connection::Connection,
    inbox::{Request, Task},
    resume,
    session::Done,
};
use crate::{
    Chat, Error, Result,
    chat::{BroadcastRequest, Mark, SendRequest, Target},
    limits::{LimitScope, LimitSubject},
    model::{ConversationId, UserId},
    protocol::{
        BroadcastMessage, ClientFrame, CursorTarget, FrameId, ReceiptStatus, Refresh, RefreshAck, SendAck,
        SendMessage,
    },
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::sync::Arc;

/// The rest of a write that has its place in line; `None` if it is answered already.
type Rest = Option<BoxFuture<'static, ()>>;

/// Works off a connection's requests until there are none.
pub(super) async fn serve(connection: Arc<Connection>) {
    let mut running: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut submitting: Option<BoxFuture<'static, Rest>> = None;
    loop {
        let takes_writes = submitting.is_none();
        let is_idle = takes_writes && running.is_empty();
        tokio::select! {
            biased;
            rest = next_in_line(&mut submitting), if !takes_writes => {
                submitting = None;
                running.extend(rest);
            }
            Some(()) = running.next(), if !running.is_empty() => {}
            task = connection.inbox.next(takes_writes, is_idle) => match task {
                None => return,
                Some(Task::Write(request)) => {
                    submitting = Some(submit(Arc::clone(&connection), request).boxed());
                }
                Some(Task::Other(request)) => running.push(other(Arc::clone(&connection), request).boxed()),
                Some(Task::Receipts(receipts)) => {
                    running.push(note(Arc::clone(&connection), receipts).boxed());
                }
            }
        }
    }
}

async fn next_in_line(submitting: &mut Option<BoxFuture<'static, Rest>>) -> Rest {
    match submitting {
        Some(write) => write.await,
        None => std::future::pending().await,
    }
}

/// Takes a write to its place in the line of commits; what is left is to wait for the answer.
async fn submit(connection: Arc<Connection>, request: Request) -> Rest {
    let Request { id, frame } = request;
    let outcome = match frame {
        ClientFrame::SendMessage(message) => match submit_send(&connection, message).await {
            Ok(pending) => {
                let rest = async move {
                    let answer = async { finish_send(&connection, pending.finish().await?).await };
                    answer_write(&connection, id.as_ref(), answer.await);
                };
                return Some(rest.boxed());
            }
            Err(error) => Err(error),
        },
        frame => write(&connection, id.as_ref(), frame).await,
    };
    answer_write(&connection, id.as_ref(), outcome.map(|()| None));
    None
}

fn answer_write(connection: &Connection, id: Option<&FrameId>, outcome: Result<Option<SendAck>>) {
    connection.inbox.answered();
    match outcome {
        Ok(Some(ack)) => connection.ack(id, &ack),
        Ok(None) => {}
        Err(error) => connection.refuse(id, &error),
    }
}

async fn submit_send(connection: &Connection, message: SendMessage) -> Result<crate::chat::PendingSend> {
    let user = connection.user_id();
    connection.chat.check_rate(LimitScope::Messages, LimitSubject::User(user)).await?;
    let request = SendRequest {
        target: target(message.to, message.conversation_id)?,
        text: message.message,
        media_url: message.media_url,
        attachments: message.attachments,
        reply_to: message.reply_to,
        client_id: message.client_id,
    };
    connection.chat.submit_send(user, request).await
}

async fn finish_send(
    connection: &Connection,
    committed: crate::model::CommittedMessage,
) -> Result<Option<SendAck>> {
    metrics::counter!("chat_messages_total", "path" => "socket").increment(1);
    connection.chat.present_send(connection.user_id(), &committed).await.map(Some)
}

/// Writes whose order among each other matters to the end.
async fn write(connection: &Connection, id: Option<&FrameId>, frame: ClientFrame) -> Result<()> {
    let chat = &connection.chat;
    let user = connection.user_id();
    match frame {
        ClientFrame::BroadcastMessage(broadcast) => {
            chat.check_rate(LimitScope::Broadcasts, LimitSubject::User(user)).await?;
            let BroadcastMessage { receiver_ids, message, media_url, client_id } = broadcast;
            let request = BroadcastRequest { receiver_ids, text: message, media_url, client_id };
            let committed = chat.broadcast(user, request).await?;
            connection.ack(id, &chat.present_broadcast(user, &committed).await?);
        }
        ClientFrame::EditMessage(edit) => {
            chat.check_rate(LimitScope::Messages, LimitSubject::User(user)).await?;
            let committed = chat.edit_message(user, edit.message_id, edit.message, edit.base_rev).await?;
            connection.ack(id, &changed(chat, user, &committed.message).await?);
        }
        ClientFrame::DeleteMessage(delete) => {
            let committed = chat.delete_message(user, delete.message_id).await?;
            connection.ack(id, &changed(chat, user, &committed.message).await?);
        }
        _ => return Err(Error::invalid("frame type is not a write")),
    }
    Ok(())
}

async fn changed(chat: &Chat, user: UserId, message: &crate::model::Message) -> Result<SendAck> {
    Ok(SendAck { message: chat.present_message(user, message).await?, duplicate: false })
}

/// Everything that runs beside the writes.
async fn other(connection: Arc<Connection>, request: Request) {
    let Request { id, frame } = request;
    let outcome = match frame {
        ClientFrame::Hello(hello) => {
            resume::answer(Arc::clone(&connection), id.clone(), hello).await;
            Ok(())
        }
        frame => read(&connection, id.as_ref(), frame).await,
    };
    if let Err(error) = outcome {
        connection.refuse(id.as_ref(), &error);
    }
    connection.inbox.done();
}

async fn read(connection: &Connection, id: Option<&FrameId>, frame: ClientFrame) -> Result<()> {
    let chat = &connection.chat;
    let user = connection.user_id();
    match frame {
        ClientFrame::Fetch(fetch) => {
            let conversation = fetch.conversation_id;
            let fetched = chat.fetch_changes(user, conversation, fetch.after_rev, fetch.limit).await?;
            connection.ack(id, &fetched);
            resume::release_fetched(connection, conversation, &fetched);
            return Ok(());
        }
        ClientFrame::MessageDelivered(cursor) => {
            chat.mark(user, mark(&cursor)?, ReceiptStatus::Delivered).await?;
        }
        ClientFrame::MessageRead(cursor) => chat.mark(user, mark(&cursor)?, ReceiptStatus::Read).await?,
        ClientFrame::UpdateStatus(update) => {
            chat.mark(user, Mark::Message(update.message_id), update.status).await?;
        }
        ClientFrame::OpenConversation(opened) => look_at(connection, opened.conversation_id).await?,
        ClientFrame::Typing(typing) => {
            let target = target(typing.to, typing.conversation_id)?;
            chat.set_typing(user, target, typing.is_typing).await?;
        }
        ClientFrame::Refresh(Refresh { token }) => {
            let expires_at = refresh(connection, &token).await?;
            connection.ack(id, &RefreshAck { expires_at });
            return Ok(());
        }
        ClientFrame::WatchPresence(watch) => return connection.watch(id, &watch.user_ids).await,
        ClientFrame::GetOnlineUsers => return connection.tell_online(id).await,
        ClientFrame::SetStatus(set) => return connection.set_status(id, set.status).await,
        _ => return Err(Error::invalid("frame type is not understood here")),
    }
    connection.ack(id, &Done {});
    Ok(())
}

async fn note(
    connection: Arc<Connection>,
    receipts: Vec<(ConversationId, crate::model::Seq, crate::model::Seq)>,
) {
    let user = connection.user_id();
    for (conversation, delivered, read) in receipts {
        let marks = [(delivered, ReceiptStatus::Delivered), (read, ReceiptStatus::Read)];
        for (seq, status) in marks.into_iter().filter(|(seq, _)| seq.get() > 0) {
            // The move is stored without anybody waiting: there is no answer to give.
            let marked = connection.chat.submit_mark(user, Mark::Place(conversation, seq), status).await;
            if let Err(error) = marked {
                connection.refuse(None, &error);
            }
        }
    }
}

async fn look_at(connection: &Connection, id: ConversationId) -> Result<()> {
    let inner = &connection.chat.inner;
    inner.membership(id, connection.user_id()).await?;
    if let Some(oldest) = connection.open(id) {
        inner.hub.set_opened(&connection.endpoint, oldest, false);
    }
    inner.hub.set_opened(&connection.endpoint, id, true);
    Ok(())
}

async fn refresh(connection: &Connection, token: &str) -> Result<Option<crate::model::Timestamp>> {
    let chat = &connection.chat;
    let identity = chat.authenticate(token).await?;
    let user = chat.ensure_user(&identity).await?;
    let is_same = user.id == connection.user_id() && identity.session == connection.endpoint.auth_session;
    if !is_same {
        return Err(Error::unauthenticated("the token belongs to another session"));
    }
    if identity.expires_at.is_some_and(|end| end <= chat.now()) {
        return Err(Error::unauthenticated("the token has expired"));
    }
    connection.set_expiry(identity.expires_at);
    Ok(identity.expires_at)
}

fn target(person: Option<UserId>, conversation: Option<ConversationId>) -> Result<Target> {
    match (person, conversation) {
        (Some(person), None) => Ok(Target::Person(person)),
        (None, Some(conversation)) => Ok(Target::Conversation(conversation)),
        _ => Err(Error::invalid("give either to or conversation_id")),
    }
}

fn mark(cursor: &CursorTarget) -> Result<Mark> {
    match (cursor.conversation_id, cursor.seq, cursor.message_id) {
        (Some(conversation), Some(seq), None) => Ok(Mark::Place(conversation, seq)),
        (_, None, Some(message)) => Ok(Mark::Message(message)),
        _ => Err(Error::invalid("give either conversation_id and seq or message_id")),
    }
}
