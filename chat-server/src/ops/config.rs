//! `chat-server config`: what is in force, and who said so.

use crate::config::{Layers, SETTINGS, Setting, Shown};
use std::io::{self, Write};

/// Prints every key with its value and origin, as TOML with comments.
pub(crate) fn print(layers: &Layers, out: &mut impl Write) -> io::Result<()> {
    let mut table = "";
    for setting in SETTINGS {
        let (head, name) = setting.path.rsplit_once('.').unwrap_or(("", setting.path));
        if head != table {
            writeln!(out, "\n[{head}]")?;
            table = head;
        }
        match layers.get(setting.path) {
            Some((value, origin)) => writeln!(out, "{name} = {} # {origin}", shown(setting, value))?,
            None => writeln!(out, "# {name} is not set: {}", setting.help)?,
        }
    }
    Ok(())
}

fn shown(setting: &Setting, value: &str) -> String {
    match setting.shown {
        Shown::Plainly => quoted(value),
        Shown::Never => "\"(set)\"".to_owned(),
        Shown::WithoutPassword => quoted(&without_password(value)),
    }
}

fn quoted(value: &str) -> String {
    if value.parse::<i64>().is_ok() || value == "true" || value == "false" {
        value.to_owned()
    } else {
        format!("{value:?}")
    }
}

/// Cuts user name and password out of an address.
pub(crate) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://…{}", &rest[at..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{print, without_password};
    use crate::config::Layers;

    #[test]
    fn passwords_and_secrets_are_not_printed() {
        assert_eq!(without_password("s3://me:hush@bucket/chat"), "s3://…@bucket/chat");
        let variables =
            [("CHAT_AUTH__JWT_SECRET".to_owned(), "hush hush hush hush hush hush hush".to_owned())];
        let layers = Layers::defaults().with_variables(variables.into_iter());
        let mut text = Vec::new();
        print(&layers, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("hush"), "{text}");
        assert!(text.contains("jwt_secret = \"(set)\" # environment CHAT_AUTH__JWT_SECRET"), "{text}");
        assert!(text.contains("listen = \"127.0.0.1:8080\" # default"), "{text}");
    }
}
