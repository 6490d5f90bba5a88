//! Files: uploading, showing, serving, and clearing away what nobody uses.

use super::{Chat, Inner, users::no_such_user};
use crate::{
    Error, ErrorKind, Result,
    hooks::{HOOK_TIMEOUT, Upload},
    limits::{LimitScope, LimitSubject},
    media::{
        ByteStream, MediaStore, Variant,
        intake::{Facts, Intake},
        sniff::Format,
    },
    model::{Attachment, Media, MediaId, MediaKind, NewMedia, Timestamp, UserId},
    text,
};
use parking_lot::Mutex;
use std::{fmt, fmt::Write as _, ops::Range, time::Duration};

/// A file that nothing uses is deleted after this.
const UNUSED_LIFE: Duration = Duration::from_hours(24);

/// Between two looks for unused files.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Files that one step of a sweep deletes.
const SWEEP_STEP: usize = 200;

/// Paths remembered for the next sweep; what does not fit stays in storage, where only room is lost.
const MOST_LEFTOVERS: usize = 100_000;

/// Which types an upload may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accept {
    /// All that the chat knows.
    #[default]
    All,
    /// Those that classic pages can show: pictures, mp4 and webm.
    Classic,
}

impl Accept {
    const fn takes(self, format: Format) -> bool {
        match self {
            Self::All => true,
            Self::Classic => matches!(
                format,
                Format::Gif | Format::Jpeg | Format::Mp4 | Format::Png | Format::Webm | Format::Webp
            ),
        }
    }
}

/// A file as a client hands it in.
pub struct UploadRequest {
    /// The client's name for it; only shown, never trusted.
    pub name: String,
    /// A key under which a retry gets the first result: 1–64 printable ASCII characters.
    pub key: Option<String>,
    /// Which types are taken.
    pub accept: Accept,
    /// The bytes. An error in them ends the upload and leaves nothing.
    pub bytes: ByteStream,
}

impl fmt::Debug for UploadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadRequest").field("accept", &self.accept).finish_non_exhaustive()
    }
}

/// A stored upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The file.
    pub attachment: Attachment,
    /// An earlier try had stored it.
    pub repeated: bool,
}

/// How a browser may treat a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Save it under its name, whatever it is.
    Attachment,
    /// Show it in a page.
    Inline,
}

/// A file that is being served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// What is known of it.
    pub attachment: Attachment,
    /// A name for exactly these bytes, 32 hexadecimal digits, for `ETag`.
    pub tag: String,
    /// When it was stored; it never changes.
    pub created_at: Timestamp,
    /// How a browser may treat it.
    pub disposition: Disposition,
    path: String,
}

impl Chat {
    /// Stores a file. Nobody but the uploader sees it until a message or profile carries it.
    ///
    /// The bytes go to storage as they come; a picture loses its metadata on the way. Dropping the future leaves nothing.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty file or a bad key, [`UnsupportedMedia`](crate::ErrorKind::UnsupportedMedia) for a
    /// type that is not taken, [`TooLarge`](crate::ErrorKind::TooLarge) past the limit of its kind or for a picture of more than 50
    /// megapixels or 1,000 frames, [`Conflict`](crate::ErrorKind::Conflict) for a reused key with another file,
    /// [`RateLimited`](crate::ErrorKind::RateLimited), what a hook refuses with, and [`Unavailable`](crate::ErrorKind::Unavailable) when a hook
    /// or the storage does not answer.
    pub async fn upload(&self, actor: UserId, request: UploadRequest) -> Result<Uploaded> {
        let inner = &self.inner;
        let store = inner.media_store()?;
        if let Some(key) = &request.key {
            check_key(key)?;
        }
        self.check_rate(LimitScope::Uploads, LimitSubject::User(actor)).await?;
        let intake = Intake::open(request.bytes).await?;
        let format = intake.format();
        if !request.accept.takes(format) {
            return Err(Error::unsupported_media("files of this type are not taken here"));
        }
        let name = inner.review_upload(actor, format, &request.name).await?;
        let (bytes, findings) = intake.into_stream(inner.config.limits.upload.of(format.facts().0));
        let path = random_path()?;
        let size = store.put(&path, bytes).await?;
        let stored = Stored { leftovers: &inner.leftovers, path };
        let facts = findings.facts().ok_or_else(|| Error::internal("storage kept a part of the file"))?;
        let new = NewUpload { owner_id: actor, key: request.key, format, name, size, facts };
        inner.catalogue(new, stored).await
    }

    /// Shows a file that the actor uploaded or can see.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for any other.
    pub async fn find_media(&self, actor: UserId, id: MediaId) -> Result<Attachment> {
        let visible = self.inner.store.filter_visible_media(actor, &[id]).await?;
        let media = self.inner.store.load_media(&visible).await?;
        media.into_iter().next().map(|media| media.attachment).ok_or_else(no_such_file)
    }

    /// Opens the file that a path leads to, from `/uploads/` on. The signature in it is the right to read.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a path that was not signed here, is over, or leads to a deleted file.
    pub async fn open_media(&self, path: &str) -> Result<MediaFile> {
        let addressed = self.inner.addresses.open(path, self.now())?;
        let Variant::Original = addressed.variant;
        let media = self.inner.store.load_media(&[addressed.media_id]).await?;
        media.into_iter().next().map(MediaFile::new).ok_or_else(no_such_file)
    }

    /// Reads a file, or a part of it.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a range outside the file, [`NotFound`](crate::ErrorKind::NotFound) for one that was deleted
    /// meanwhile, [`Unavailable`](crate::ErrorKind::Unavailable) when the storage does not answer.
    pub async fn read_media(&self, file: &MediaFile, range: Option<Range<u64>>) -> Result<ByteStream> {
        if range.as_ref().is_some_and(|range| range.start >= range.end || range.end > file.attachment.size) {
            return Err(Error::invalid("range is outside the file"));
        }
        self.inner.media_store()?.get(&file.path, range).await
    }

    /// Clears away unused files for ever; part of [`Chat::run`].
    pub(crate) async fn housekeep_media(&self) {
        let Some(store) = self.inner.media.as_deref() else { return std::future::pending().await };
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            if let Err(error) = self.inner.sweep_media(store).await {
                tracing::warn!(%error, "unused files could not be cleared away");
            }
        }
    }
}

/// What an upload became, before its row is written.
struct NewUpload {
    owner_id: UserId,
    key: Option<String>,
    format: Format,
    name: String,
    size: u64,
    facts: Facts,
}

impl Inner {
    fn media_store(&self) -> Result<&dyn MediaStore> {
        self.media.as_deref().ok_or_else(|| Error::unavailable("this chat stores no files"))
    }

    /// Lets the application look at an upload; returns the name to keep.
    async fn review_upload(&self, actor: UserId, format: Format, name: &str) -> Result<String> {
        let (kind, mime, extension) = format.facts();
        let name = clean_file_name(name, extension);
        let Some(hooks) = &self.hooks else { return Ok(name) };
        let owner = self.user(actor).await?.ok_or_else(no_such_user)?;
        let upload = Upload { kind, mime: mime.to_owned(), name };
        let answer = tokio::time::timeout(HOOK_TIMEOUT, hooks.before_upload(&owner, upload)).await;
        let upload = answer.map_err(|_| Error::unavailable("the application did not answer in time"))??;
        Ok(clean_file_name(&upload.name, extension))
    }

    /// Writes the row of a stored file, or finds that an earlier try did.
    async fn catalogue(&self, new: NewUpload, stored: Stored<'_>) -> Result<Uploaded> {
        let (kind, mime, extension) = new.format.facts();
        let media = self
            .store
            .create_media(NewMedia {
                owner_id: new.owner_id,
                key: new.key,
                kind,
                mime: mime.to_owned(),
                extension: extension.to_owned(),
                name: new.name,
                size: new.size,
                width: new.facts.dimensions.map(|dimensions| dimensions.width),
                height: new.facts.dimensions.map(|dimensions| dimensions.height),
                path: stored.path.clone(),
                sha256: new.facts.sha256,
                now: self.now(),
            })
            .await?;
        if media.path == stored.path {
            stored.keep();
            return Ok(Uploaded { attachment: media.attachment, repeated: false });
        }
        if media.sha256 != new.facts.sha256 {
            return Err(Error::conflict("this key was used for another file"));
        }
        Ok(Uploaded { attachment: media.attachment, repeated: true })
    }

    /// Deletes files without a row, rows that nothing uses, and what broken uploads left behind.
    async fn sweep_media(&self, store: &dyn MediaStore) -> Result<()> {
        let leftovers = std::mem::take(&mut *self.leftovers.lock());
        if let Err(error) = store.delete(&leftovers).await {
            self.leftovers.lock().extend(leftovers);
            return Err(error);
        }
        store.sweep(UNUSED_LIFE).await?;
        let before = self.now().minus(UNUSED_LIFE);
        loop {
            let unused = self.store.list_orphans(before, SWEEP_STEP).await?;
            let ids: Vec<_> = unused.iter().map(|media| media.attachment.id).collect();
            // The rows first: a row without bytes would be shown, bytes without a row only take room.
            let deleted = self.store.delete_orphans(&ids).await?;
            let gone = unused.into_iter().filter(|media| deleted.contains(&media.attachment.id));
            let paths: Vec<_> = gone.map(|media| media.path).collect();
            if let Err(error) = store.delete(&paths).await {
                self.leftovers.lock().extend(paths);
                return Err(error);
            }
            if ids.len() < SWEEP_STEP || deleted.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Bytes that are stored and not yet in the catalogue. Dropped, they are left to the next sweep.
struct Stored<'a> {
    leftovers: &'a Mutex<Vec<String>>,
    path: String,
}

impl Stored<'_> {
    fn keep(mut self) {
        self.path.clear();
    }
}

impl Drop for Stored<'_> {
    fn drop(&mut self) {
        if !self.path.is_empty() {
            let mut leftovers = self.leftovers.lock();
            if leftovers.len() < MOST_LEFTOVERS {
                leftovers.push(std::mem::take(&mut self.path));
            }
        }
    }
}

impl MediaFile {
    fn new(media: Media) -> Self {
        let disposition = match media.attachment.kind {
            MediaKind::Audio | MediaKind::Image | MediaKind::Video => Disposition::Inline,
            MediaKind::Document | MediaKind::Text => Disposition::Attachment,
        };
        Self {
            tag: hex(&media.sha256[..16]),
            created_at: media.created_at,
            disposition,
            path: media.path,
            attachment: media.attachment,
        }
    }
}

fn no_such_file() -> Error {
    Error::not_found("no such file")
}

fn check_key(key: &str) -> Result<()> {
    if (1..=64).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    Err(Error::invalid("key must be 1 to 64 printable ASCII characters"))
}

/// Makes a path that nobody can guess and no two uploads share; two letters spread the files over folders.
fn random_path() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Internal, "the operating system has no randomness").with_source(error)
    })?;
    let name = hex(&bytes);
    Ok(format!("{}/{name}", &name[..2]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Makes a name that can be shown and saved: no folders, nothing invisible, and with the ending of what the file really is, so that
/// nobody saves a picture as a page.
fn clean_file_name(name: &str, extension: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let name = text::tame_name(name.trim_start_matches('.'), "file");
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending {
        Some(ending) if is_ending_of(&ending, extension) => name,
        _ => format!("{name}.{extension}"),
    }
}

fn is_ending_of(ending: &str, extension: &str) -> bool {
    ending == extension
        || match extension {
            "jpg" => matches!(ending, "jpeg" | "jfif"),
            "mp4" => ending == "m4v",
            "ogg" => matches!(ending, "oga" | "ogv"),
            "txt" => matches!(ending, "csv" | "json" | "log" | "md" | "toml" | "yaml" | "yml"),
            _ => false,
        }
}

#[cfg(test)]
mod tests;
