//! The file: whole lines in, whole lines out. Knows nothing of chats.

use crate::calls::Call;
use chat_core::{Error, Result};
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
};

/// An open journal at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Set once a line may stand in the file only in part: whatever came behind it would be lost with it.
    is_broken: bool,
}

impl Journal {
    /// Opens a journal and reads what is in it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Call>)> {
        let mut options = OpenOptions::new();
        let file = options.create(true).read(true).append(true).open(path).map_err(unavailable)?;
        file.try_lock().map_err(|error| {
            Error::unavailable("the journal is open in another process").with_source(error)
        })?;
        let (mut calls, mut end) = (Vec::new(), 0);
        let (mut reader, mut line) = (BufReader::new(&file), String::new());
        while reader.read_line(&mut line).map_err(unavailable)? > 0 && line.ends_with('\n') {
            end += line.len() as u64;
            calls.push(serde_json::from_str(&line).map_err(|error| {
                Error::internal(format!("line {} of the journal is damaged", calls.len() + 1))
                    .with_source(error)
            })?);
            line.clear();
        }
        file.set_len(end).map_err(unavailable)?;
        Ok((Self { file, is_broken: false }, calls))
    }

    /// Writes a line and waits until it is on the disk.
    pub(crate) fn append(&mut self, call: &Call) -> Result<()> {
        self.check()?;
        let mut line = serde_json::to_vec(call)
            .map_err(|error| Error::internal("a call cannot be written down").with_source(error))?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        self.is_broken = written.is_err();
        written.map_err(unavailable)
    }

    /// Says whether the journal takes lines.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_broken {
            return Err(Error::unavailable("the journal could not be written; open it again"));
        }
        self.file.metadata().map(drop).map_err(unavailable)
    }
}

fn unavailable(error: std::io::Error) -> Error {
    Error::unavailable("the journal cannot be reached").with_source(error)
}
