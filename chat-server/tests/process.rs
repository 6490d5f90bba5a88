//! The binary as an operator meets it: its start, its refusals, its commands and its end.

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery 9";

fn chat_server(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    command
        .current_dir(folder)
        .env("CHAT_LISTEN", "127.0.0.1:0")
        .env_remove("CHAT_CONFIG")
        .stdin(Stdio::null());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    chat_server(folder).args(arguments).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server; the test's end kills it.
struct Running {
    child: Child,
    base: String,
}

impl Running {
    /// Starts a server and waits for the line that names its address.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let base = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let line: Value =
                serde_json::from_str(&line).expect("a log line is JSON where there is no terminal");
            line["address"].as_str().map(|address| format!("http://{address}"))
        });
        // The pipe must be read to the end, or the server would block on a full one.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, base: base.expect("the server names its address") }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill is there").success());
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it is our child").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is what most tests want.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn register(base: &str, username: &str) -> Value {
    let answer = reqwest::Client::new()
        .post(format!("{base}/api/auth/register"))
        .json(&json!({ "username": username, "password": PASSWORD }))
        .send()
        .await
        .expect("the server answers");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("the answer is JSON")
}

async fn conversation(base: &str, token: &str, peer: &Value) -> Value {
    let url = format!("{base}/api/messages/conversation?user_id={peer}");
    let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.expect("the server answers");
    answer.json().await.expect("the answer is JSON")
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_tokens_stay_good() {
    let folder = TempDir::new().unwrap();
    let first = Running::start(&mut chat_server(folder.path()));
    let (maya, jonas) = (register(&first.base, "maya").await, register(&first.base, "jonas").await);
    let token = maya["token"].as_str().unwrap();
    let sent = reqwest::Client::new()
        .post(format!("{}/api/messages", first.base))
        .bearer_auth(token)
        .json(&json!({ "receiver_id": jonas["user"]["id"], "content": "kept" }))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    first.signal("-KILL");
    first.end();
    let second = Running::start(&mut chat_server(folder.path()));
    let found = conversation(&second.base, token, &jonas["user"]["id"]).await;
    assert_eq!(found["messages"][0]["content"], "kept");
}

#[tokio::test]
async fn sigterm_drains_and_ends_with_0() {
    let folder = TempDir::new().unwrap();
    let server = Running::start(&mut chat_server(folder.path()));
    register(&server.base, "maya").await;
    server.signal("-TERM");
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn an_account_made_without_http_can_sign_in_and_a_minted_token_is_good() {
    let folder = TempDir::new().unwrap();
    let added = output(folder.path(), &["user", "add", "maya", "--password", PASSWORD]);
    assert!(added.status.success(), "{}", text(&added.stderr));
    let token = text(&output(folder.path(), &["token", "maya"]).stdout);
    let server = Running::start(&mut chat_server(folder.path()));
    let me = reqwest::Client::new().get(format!("{}/api/users/me", server.base)).bearer_auth(token.trim());
    let me: Value = me.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["username"], "maya");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = output(folder.path(), &["--data-dir", "file/data"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("cannot create the data folder file/data"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn a_database_that_is_none_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are not the tables that you are looking for").unwrap();
    let url = format!("sqlite://{}", file.display());
    let refused = output(folder.path(), &["--database-url", &url]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "these are not the tables that you are looking for");
}

#[test]
fn a_misspelt_flag_and_a_bad_value_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let misspelt = output(folder.path(), &["--lisen", "127.0.0.1:0"]);
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(text(&misspelt.stderr).contains("--listen"), "{}", text(&misspelt.stderr));
    let bad = output(folder.path(), &["--directory", "secret"]);
    assert!(text(&bad.stderr).contains("directory = `secret` (flag --directory)"), "{}", text(&bad.stderr));
}

#[test]
fn the_configuration_in_force_names_its_origins() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("chat.toml"), "[limits]\nmessages_per_minute = 7\n").unwrap();
    let printed = output(folder.path(), &["config", "--directory", "closed"]);
    let printed = text(&printed.stdout);
    for line in [
        "messages_per_minute = 7 # file chat.toml",
        "directory = \"closed\" # flag --directory",
        "listen = \"127.0.0.1:0\" # environment CHAT_LISTEN",
        "registration = \"open\" # default",
    ] {
        assert!(printed.contains(line), "{line} is not in:\n{printed}");
    }
}
