//! A client on a bad network, against a real server: nothing is lost, doubled or out of order.

mod harness;

use chat_client::{Client, ClientConfig, Target, Update};
use harness::{Proxy, Served};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the next update that `pick` takes.
async fn wait_for<T>(updates: &mut mpsc::Receiver<Update>, mut pick: impl FnMut(Update) -> Option<T>) -> T {
    let search = async {
        loop {
            let update = updates.recv().await.expect("the driver runs");
            if let Some(found) = pick(update) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it comes in time")
}

async fn ready(updates: &mut mpsc::Receiver<Update>) {
    wait_for(updates, |update| matches!(update, Update::Ready).then_some(())).await;
}

fn text(update: Update) -> Option<String> {
    match update {
        Update::Message(message) => Some(message.content),
        _ => None,
    }
}

#[tokio::test]
async fn p4_p5_a_reader_whose_connection_breaks_all_the_time_gets_each_message_once_and_in_order() {
    let served = Served::start().await;
    let proxy = Proxy::start(served.address).await;
    let (maya, jonas) = (served.session("maya").await, served.session("jonas").await);
    let jonas_id = jonas.user.id;
    let (writer, mut written, driver) = Client::open(ClientConfig::new(served.api(), maya)).await.unwrap();
    tokio::spawn(driver.run());
    let config = ClientConfig::new(served.api(), jonas).with_socket_address(proxy.socket_address());
    let (_reader, mut read, driver) = Client::open(config).await.unwrap();
    tokio::spawn(driver.run());
    ready(&mut written).await;
    ready(&mut read).await;

    for number in 0..60 {
        if number % 15 == 7 {
            proxy.cut();
        }
        writer.send(Target::User(jonas_id), format!("{number}")).await.unwrap();
        // The next one waits for this one's ack, so that cuts fall between and into deliveries.
        wait_for(&mut written, |update| matches!(update, Update::Sent { .. }).then_some(())).await;
    }
    let mut texts = Vec::new();
    while texts.len() < 60 {
        texts.push(wait_for(&mut read, text).await);
    }
    let expected: Vec<_> = (0..60).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn p2_a_writer_whose_connection_breaks_all_the_time_stores_each_message_once_and_in_order() {
    let served = Served::start().await;
    let proxy = Proxy::start(served.address).await;
    let (maya, jonas) = (served.session("maya").await, served.session("jonas").await);
    let jonas_id = jonas.user.id;
    let config = ClientConfig::new(served.api(), maya).with_socket_address(proxy.socket_address());
    let (writer, mut written, driver) = Client::open(config).await.unwrap();
    tokio::spawn(driver.run());
    let (_reader, mut read, driver) = Client::open(ClientConfig::new(served.api(), jonas)).await.unwrap();
    tokio::spawn(driver.run());
    ready(&mut read).await;

    for number in 0..60 {
        writer.send(Target::User(jonas_id), format!("{number}")).await.unwrap();
    }
    let mut sent = 0;
    while sent < 60 {
        wait_for(&mut written, |update| matches!(update, Update::Sent { .. }).then_some(())).await;
        sent += 1;
        if sent % 20 == 9 {
            proxy.cut();
        }
    }
    let mut texts = Vec::new();
    while texts.len() < 60 {
        texts.push(wait_for(&mut read, text).await);
    }
    let expected: Vec<_> = (0..60).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn p4_edits_and_deletions_made_while_away_are_told_on_return() {
    let served = Served::start().await;
    let proxy = Proxy::start(served.address).await;
    let (maya, jonas) = (served.session("maya").await, served.session("jonas").await);
    let (token, jonas_id) = (maya.token.clone(), jonas.user.id);
    let (writer, mut written, driver) = Client::open(ClientConfig::new(served.api(), maya)).await.unwrap();
    tokio::spawn(driver.run());
    let config = ClientConfig::new(served.api(), jonas).with_socket_address(proxy.socket_address());
    let (_reader, mut read, driver) = Client::open(config).await.unwrap();
    tokio::spawn(driver.run());
    ready(&mut read).await;
    let mut ids = Vec::new();
    for content in ["first", "second"] {
        writer.send(Target::User(jonas_id), content).await.unwrap();
        let stored = |update| match update {
            Update::Sent { message, .. } => Some(message.id),
            _ => None,
        };
        ids.push(wait_for(&mut written, stored).await);
        wait_for(&mut read, text).await;
    }
    proxy.cut();
    wait_for(&mut read, |update| matches!(update, Update::Offline).then_some(())).await;
    served.api().edit(&token, ids[0], "changed").await.unwrap();
    served.api().delete(&token, ids[1]).await.unwrap();
    let (mut edited, mut deleted) = (false, false);
    while !(edited && deleted) {
        let message = wait_for(&mut read, |update| match update {
            Update::Message(message) => Some(message),
            _ => None,
        });
        let message = message.await;
        edited |= message.id == ids[0] && message.content == "changed";
        deleted |= message.id == ids[1] && message.deleted_at.is_some();
    }
}
