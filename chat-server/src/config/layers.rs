//! Where a value comes from: later layers win, and each value remembers its origin.

use super::settings::{self, SETTINGS, Setting};
use anyhow::{Context as _, Result, bail};
use std::{collections::BTreeMap, fmt, path::Path};

/// Who said a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody: it is the default.
    Default,
    /// The configuration file.
    File(String),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// The values as text, by path.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Environment variables that look like ours and are not: worth a warning, since other software may own them.
    pub(crate) unknown_variables: Vec<String>,
}

impl Layers {
    /// Starts with the defaults.
    pub(crate) fn defaults() -> Self {
        let values = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting.path, (setting.default?.to_owned(), Origin::Default))));
        Self { values: values.collect(), unknown_variables: Vec::new() }
    }

    /// Adds a file; a missing one is fine unless it was asked for.
    pub(crate) fn with_file(mut self, path: &Path, required: bool) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return Ok(self),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let table: toml::Table =
            text.parse().with_context(|| format!("{} is not valid TOML", path.display()))?;
        let mut flat = BTreeMap::new();
        flatten("", &table, &mut flat);
        for (key, value) in flat {
            let Some(setting) = settings::find(&key) else {
                bail!("{}: unknown key `{key}`{}", path.display(), suggestion(&key));
            };
            self.set(setting, value, Origin::File(path.display().to_string()));
        }
        Ok(self)
    }

    /// Adds environment variables.
    pub(crate) fn with_variables(mut self, variables: impl Iterator<Item = (String, String)>) -> Self {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix("CHAT_") else { continue };
            match settings::find(&rest.to_lowercase().replace("__", ".")) {
                Some(setting) => self.set(setting, value, Origin::Variable(name)),
                None if rest == "CONFIG" => {}
                None => self.unknown_variables.push(name),
            }
        }
        self
    }

    /// Adds a flag's value.
    pub(crate) fn with_flag(mut self, setting: &'static Setting, value: String) -> Self {
        self.set(setting, value, Origin::Flag(setting.flag()));
        self
    }

    fn set(&mut self, setting: &'static Setting, value: String, origin: Origin) {
        // An empty value is how a shell or compose file unsets a variable.
        if value.is_empty() {
            self.values.remove(setting.path);
            if let Some(default) = setting.default {
                self.values.insert(setting.path, (default.to_owned(), Origin::Default));
            }
        } else {
            self.values.insert(setting.path, (value, origin));
        }
    }

    /// Returns a value and who said it.
    pub(crate) fn get(&self, path: &str) -> Option<(&str, &Origin)> {
        self.values.get(path).map(|(value, origin)| (value.as_str(), origin))
    }
}

fn flatten(prefix: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&path, inner, into),
            toml::Value::Array(items) => {
                let items: Vec<_> = items.iter().map(scalar).collect();
                into.insert(path, items.join(","));
            }
            other => {
                into.insert(path, scalar(other));
            }
        }
    }
}

fn scalar(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn suggestion(key: &str) -> String {
    settings::nearest(key).map(|known| format!("; did you mean `{known}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Layers, Origin};

    fn file(text: &str) -> anyhow::Result<Layers> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.toml");
        std::fs::write(&path, text).unwrap();
        Layers::defaults().with_file(&path, true)
    }

    #[test]
    fn a_later_layer_wins_and_is_named() {
        let layers = file("listen = \"127.0.0.1:1\"\n[limits]\nmessages_per_minute = 5").unwrap();
        let layers =
            layers.with_variables([("CHAT_LISTEN".to_owned(), "127.0.0.1:2".to_owned())].into_iter());
        assert_eq!(
            layers.get("listen").unwrap(),
            ("127.0.0.1:2", &Origin::Variable("CHAT_LISTEN".to_owned()))
        );
        assert_eq!(layers.get("limits.messages_per_minute").unwrap().0, "5");
        assert_eq!(layers.get("directory").unwrap(), ("open", &Origin::Default));
    }

    #[test]
    fn an_unknown_key_of_the_file_is_refused_with_the_nearest_name() {
        let error = file("lisen = \"x\"").unwrap_err().to_string();
        assert!(error.contains("did you mean `listen`?"), "{error}");
    }

    #[test]
    fn an_unknown_variable_is_only_remembered() {
        let layers =
            Layers::defaults().with_variables([("CHAT_LISTN".to_owned(), "x".to_owned())].into_iter());
        assert_eq!(layers.unknown_variables, ["CHAT_LISTN"]);
    }
}
