//! Uploading and serving over the stores in memory.

use super::{Accept, Disposition, SWEEP_STEP, UNUSED_LIFE, UploadRequest, Uploaded, clean_file_name};
use crate::{
    Chat, Error, ErrorKind, Result,
    chat::ProfileChange,
    clock::Clock,
    config::{Limits, RateLimits, UploadLimits},
    hooks::{Hooks, Upload},
    media::{ByteStream, MediaStore, OpendalMedia},
    model::{MediaKind, NewAccount, Timestamp, User, UserId},
    store::{AccountStore, memory::MemoryStore},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use image::{ImageFormat, RgbImage};
use std::{
    io::Cursor,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

#[derive(Debug, Default)]
struct HandClock(AtomicI64);

impl HandClock {
    fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

/// Wraps a media store and counts the paths that are put and deleted.
#[derive(Debug)]
struct Counting {
    inner: OpendalMedia,
    kept: AtomicI64,
}

#[async_trait]
impl MediaStore for Counting {
    async fn put(&self, path: &str, bytes: ByteStream) -> Result<u64> {
        let size = self.inner.put(path, bytes).await?;
        self.kept.fetch_add(1, Ordering::SeqCst);
        Ok(size)
    }

    async fn get(&self, path: &str, range: Option<Range<u64>>) -> Result<ByteStream> {
        self.inner.get(path, range).await
    }

    async fn delete(&self, paths: &[String]) -> Result<()> {
        self.kept.fetch_sub(i64::try_from(paths.len()).unwrap(), Ordering::SeqCst);
        self.inner.delete(paths).await
    }

    async fn presign(&self, path: &str, mime: &str, life: Duration) -> Result<Option<String>> {
        self.inner.presign(path, mime, life).await
    }

    async fn sweep(&self, age: Duration) -> Result<()> {
        self.inner.sweep(age).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}

struct Fixture {
    clock: Arc<HandClock>,
    media: Arc<Counting>,
    chat: Chat,
    ada: UserId,
    bob: UserId,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(RateLimits::off(), None).await
    }

    async fn with(rates: RateLimits, hooks: Option<Arc<dyn Hooks>>) -> Self {
        let clock = Arc::new(HandClock::default());
        let media = Arc::new(Counting { inner: OpendalMedia::memory().unwrap(), kept: AtomicI64::new(0) });
        let limits =
            Limits { upload: UploadLimits { image: 5_000, ..UploadLimits::default() }, ..Limits::default() };
        let store = MemoryStore::new();
        let ada = person(&store, "Ada").await;
        let bob = person(&store, "Bob").await;
        let mut builder = Chat::builder(store)
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .media(Arc::clone(&media) as Arc<dyn MediaStore>)
            .limits(limits)
            .rate_limits(rates);
        if let Some(hooks) = hooks {
            builder = builder.hooks(hooks);
        }
        let chat = builder.build().unwrap();
        Self { clock, media, chat, ada, bob }
    }

    async fn upload(&self, name: &str, bytes: &[u8]) -> Result<Uploaded> {
        self.chat.upload(self.ada, request(name, bytes)).await
    }

    /// Loads a file as a browser does: by its address.
    async fn load(&self, uploaded: &Uploaded) -> Result<Vec<u8>> {
        let address = self.chat.addresses().address(&uploaded.attachment, self.chat.now());
        let file = self.chat.open_media(&address).await?;
        Ok(self.chat.read_media(&file, None).await?.try_collect::<Vec<_>>().await?.concat())
    }

    async fn sweep(&self) {
        self.chat.inner.sweep_media(&*self.media).await.unwrap();
    }

    fn stored(&self) -> i64 {
        self.media.kept.load(Ordering::SeqCst)
    }
}

/// Creates somebody whose profile is kept here.
async fn person(store: &MemoryStore, name: &str) -> UserId {
    let (username, username_key) = (name.to_owned(), name.to_lowercase());
    let now = HandClock::default().now();
    let account = NewAccount { username, username_key, password_hash: String::new(), now };
    store.create_account(account).await.unwrap().id
}

fn request(name: &str, bytes: &[u8]) -> UploadRequest {
    let pieces: Vec<_> = bytes.chunks(100).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    UploadRequest {
        name: name.to_owned(),
        key: None,
        accept: Accept::All,
        bytes: stream::iter(pieces).boxed(),
    }
}

fn keyed(key: &str, bytes: &[u8]) -> UploadRequest {
    UploadRequest { key: Some(key.to_owned()), ..request("a.txt", bytes) }
}

fn png() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::new(5, 3).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("this is refused").kind()
}

#[tokio::test]
async fn a_picture_is_measured_stored_and_served_from_its_address() {
    let fixture = Fixture::new().await;
    let uploaded = fixture.upload("cat.png", &png()).await.unwrap();
    let file = &uploaded.attachment;
    assert_eq!(
        (file.kind, file.mime.as_str(), file.name.as_str()),
        (MediaKind::Image, "image/png", "cat.png")
    );
    assert_eq!((file.width, file.height, file.size), (Some(5), Some(3), png().len() as u64));
    assert_eq!(fixture.load(&uploaded).await.unwrap(), png());

    let address = fixture.chat.addresses().address(file, fixture.chat.now());
    let served = fixture.chat.open_media(&address).await.unwrap();
    assert_eq!((served.disposition, served.tag.len()), (Disposition::Inline, 32));
    let part = fixture.chat.read_media(&served, Some(1..4)).await.unwrap();
    assert_eq!(part.try_collect::<Vec<_>>().await.unwrap().concat(), b"PNG");
    let size = served.attachment.size;
    let (empty, backwards) = (Range { start: 3, end: 3 }, Range { start: 4, end: 3 });
    for outside in [0..size + 1, size..size + 1, empty, backwards] {
        assert_eq!(kind(fixture.chat.read_media(&served, Some(outside)).await), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn four_bytes_that_claim_to_be_a_jpeg_are_kept_as_they_are() {
    let fixture = Fixture::new().await;
    let classic = UploadRequest { accept: Accept::Classic, ..request("test.jpg", b"\xff\xd8\xff\xe0") };
    let uploaded = fixture.chat.upload(fixture.ada, classic).await.unwrap();
    assert_eq!((uploaded.attachment.size, uploaded.attachment.width), (4, None));
    assert_eq!(fixture.load(&uploaded).await.unwrap(), b"\xff\xd8\xff\xe0");
}

#[tokio::test]
async fn a_page_disguised_as_a_picture_never_becomes_one_and_a_polyglot_loses_its_page() {
    let fixture = Fixture::new().await;
    let page = b"<html><script>alert(1)</script></html>";
    assert_eq!(kind(fixture.upload("cat.png", page).await), ErrorKind::UnsupportedMedia);
    let polyglot = [&png(), &page[..]].concat();
    let uploaded = fixture.upload("cat.html", &polyglot).await.unwrap();
    assert_eq!(
        (uploaded.attachment.name.as_str(), uploaded.attachment.extension.as_str()),
        ("cat.html.png", "png")
    );
    assert_eq!(fixture.load(&uploaded).await.unwrap(), png());
}

#[tokio::test]
async fn plain_text_is_a_download_and_not_for_classic_pages() {
    let fixture = Fixture::new().await;
    let uploaded = fixture.upload("notes.md", b"# hello").await.unwrap();
    assert_eq!((uploaded.attachment.kind, uploaded.attachment.name.as_str()), (MediaKind::Text, "notes.md"));
    let address = fixture.chat.addresses().address(&uploaded.attachment, fixture.chat.now());
    assert_eq!(fixture.chat.open_media(&address).await.unwrap().disposition, Disposition::Attachment);
    let classic = UploadRequest { accept: Accept::Classic, ..request("notes.txt", b"hello") };
    assert_eq!(kind(fixture.chat.upload(fixture.ada, classic).await), ErrorKind::UnsupportedMedia);
}

#[tokio::test]
async fn what_is_empty_or_over_the_limit_of_its_kind_is_refused_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    assert_eq!(kind(fixture.upload("a.png", b"").await), ErrorKind::Invalid);
    let large = [&png()[..], &[0; 5_000]].concat();
    assert_eq!(kind(fixture.upload("a.png", &large).await), ErrorKind::TooLarge);
    fixture.upload("a.txt", "x".repeat(5_001).as_bytes()).await.expect("the limit is of pictures");
    assert_eq!(fixture.stored(), 1);
}

#[tokio::test]
async fn the_same_key_gives_the_first_file_and_another_file_is_a_conflict() {
    let fixture = Fixture::new().await;
    let first = fixture.chat.upload(fixture.ada, keyed("k", b"hello")).await.unwrap();
    let again = fixture.chat.upload(fixture.ada, keyed("k", b"hello")).await.unwrap();
    assert_eq!((&again.attachment, first.repeated, again.repeated), (&first.attachment, false, true));
    assert_eq!(kind(fixture.chat.upload(fixture.ada, keyed("k", b"other")).await), ErrorKind::Conflict);
    let of_bob = fixture.chat.upload(fixture.bob, keyed("k", b"other")).await.unwrap();
    assert_ne!(of_bob.attachment.id, first.attachment.id);
    for key in ["", "ü", &"k".repeat(65)] {
        assert_eq!(kind(fixture.chat.upload(fixture.ada, keyed(key, b"hello")).await), ErrorKind::Invalid);
    }
    assert_eq!(fixture.stored(), 4);
    fixture.sweep().await;
    assert_eq!(fixture.stored(), 2, "the bytes of the retries are cleared away");
    assert_eq!(fixture.load(&first).await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_file_is_seen_by_its_uploader_and_by_those_who_see_where_it_is_used() {
    let fixture = Fixture::new().await;
    let id = fixture.upload("cat.png", &png()).await.unwrap().attachment.id;
    assert!(fixture.chat.find_media(fixture.ada, id).await.is_ok());
    assert_eq!(kind(fixture.chat.find_media(fixture.bob, id).await), ErrorKind::NotFound);
    let change = ProfileChange { avatar: Some(Some(id)), ..ProfileChange::default() };
    fixture.chat.update_profile(fixture.ada, change).await.unwrap();
    assert!(fixture.chat.find_media(fixture.bob, id).await.is_ok());
}

#[tokio::test]
async fn an_address_that_is_forged_or_over_opens_nothing() {
    let fixture = Fixture::new().await;
    let uploaded = fixture.upload("cat.png", &png()).await.unwrap();
    let address = fixture.chat.addresses().address(&uploaded.attachment, fixture.chat.now());
    for forged in
        [address.replace("cat", "dog"), "/uploads/../../etc/passwd".to_owned(), "/uploads/".to_owned()]
    {
        assert_eq!(kind(fixture.chat.open_media(&forged).await), ErrorKind::NotFound, "{forged}");
    }
    fixture.clock.advance(Duration::from_hours(24 * 8));
    assert_eq!(kind(fixture.chat.open_media(&address).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn unused_files_are_cleared_away_after_a_day_and_used_ones_stay() {
    let fixture = Fixture::new().await;
    let unused = fixture.upload("a.png", &png()).await.unwrap();
    let used = fixture.upload("b.png", &png()).await.unwrap();
    let change = ProfileChange { avatar: Some(Some(used.attachment.id)), ..ProfileChange::default() };
    fixture.chat.update_profile(fixture.ada, change).await.unwrap();
    fixture.clock.advance(UNUSED_LIFE);
    fixture.sweep().await;
    assert_eq!(fixture.stored(), 2, "not before the day is over");
    for n in 0..SWEEP_STEP + 1 {
        fixture.upload("c.txt", n.to_string().as_bytes()).await.unwrap();
    }
    fixture.clock.advance(UNUSED_LIFE + Duration::from_secs(1));
    fixture.sweep().await;
    assert_eq!(fixture.stored(), 1);
    assert!(fixture.load(&used).await.is_ok());
    assert_eq!(kind(fixture.load(&unused).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_dropped_or_broken_upload_leaves_nothing() {
    let fixture = Fixture::new().await;
    let head = stream::once(async { Ok(Bytes::from(vec![b'x'; 20_000])) });
    let endless = UploadRequest { bytes: head.chain(stream::pending()).boxed(), ..request("a.txt", b"") };
    let mut upload = Box::pin(fixture.chat.upload(fixture.ada, endless));
    assert!((&mut upload).now_or_never().is_none());
    drop(upload);
    let lost = stream::iter([Ok(Bytes::from_static(b"hello")), Err(Error::invalid("connection is lost"))]);
    let broken = UploadRequest { bytes: lost.boxed(), ..request("a.txt", b"") };
    assert_eq!(kind(fixture.chat.upload(fixture.ada, broken).await), ErrorKind::Invalid);
    assert_eq!(fixture.stored(), 0);
}

#[tokio::test]
async fn uploads_are_counted_per_person() {
    let fixture = Fixture::with(RateLimits { uploads: Some(2), ..RateLimits::default() }, None).await;
    for _ in 0..2 {
        fixture.upload("a.txt", b"hello").await.unwrap();
    }
    let refused = fixture.upload("a.txt", b"hello").await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(30)))
    );
    fixture.chat.upload(fixture.bob, request("a.txt", b"hello")).await.unwrap();
}

#[derive(Debug)]
struct Strict;

#[async_trait]
impl Hooks for Strict {
    async fn before_upload(&self, owner: &User, upload: Upload) -> Result<Upload> {
        match upload.name.as_str() {
            "secret.txt" => Err(Error::forbidden(format!("{} may not upload this", owner.display_name))),
            "slow.txt" => std::future::pending().await,
            _ => Ok(Upload { name: "../renamed.exe".to_owned(), ..upload }),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_may_refuse_or_rename_an_upload_within_two_seconds() {
    let fixture = Fixture::with(RateLimits::off(), Some(Arc::new(Strict))).await;
    let refused = fixture.upload("secret.txt", b"hello").await.unwrap_err();
    assert_eq!((refused.kind(), refused.message()), (ErrorKind::Forbidden, "Ada may not upload this"));
    assert_eq!(kind(fixture.upload("slow.txt", b"hello").await), ErrorKind::Unavailable);
    let renamed = fixture.upload("a.txt", b"hello").await.unwrap();
    assert_eq!(renamed.attachment.name, "renamed.exe.txt");
    assert_eq!(fixture.stored(), 1);
}

#[tokio::test]
async fn a_chat_without_storage_takes_no_files() {
    let store = MemoryStore::new();
    let ada = person(&store, "Ada").await;
    let chat = Chat::builder(store).build().unwrap();
    assert_eq!(kind(chat.upload(ada, request("a.txt", b"hello")).await), ErrorKind::Unavailable);
}

#[test]
fn a_file_name_has_no_folders_and_the_ending_of_what_it_is() {
    for (name, extension, clean) in [
        ("cat.png", "png", "cat.png"),
        ("cat.JPEG", "jpg", "cat.JPEG"),
        ("../../etc/passwd", "txt", "passwd.txt"),
        ("C:\\Users\\ada\\cat.png", "png", "cat.png"),
        ("..", "png", "file.png"),
        ("", "png", "file.png"),
        (".htaccess", "txt", "htaccess.txt"),
        ("cat\u{202e}gnp.exe", "png", "catgnp.exe.png"),
        ("a\r\nSet-Cookie: x.png", "png", "aSet-Cookie: x.png"),
    ] {
        assert_eq!(clean_file_name(name, extension), clean, "{name:?}");
    }
}
