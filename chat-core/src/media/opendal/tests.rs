//! The contract of a media store, on a folder and in memory.

use super::OpendalMedia;
use crate::{
    Error, ErrorKind, Result,
    media::{ByteStream, MediaStore},
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use std::{path::Path, time::Duration};

fn pieces(pieces: Vec<Result<Bytes>>) -> ByteStream {
    stream::iter(pieces).boxed()
}

fn hello() -> ByteStream {
    pieces(vec![Ok(Bytes::from_static(b"hello ")), Ok(Bytes::from_static(b"world"))])
}

async fn read(store: &OpendalMedia, path: &str, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>> {
    Ok(store.get(path, range).await?.try_collect::<Vec<_>>().await?.concat())
}

fn both() -> (tempfile::TempDir, [OpendalMedia; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let stores =
        [OpendalMedia::folder(&folder.path().join("media")).unwrap(), OpendalMedia::memory().unwrap()];
    (folder, stores)
}

/// Counts files below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn what_is_put_can_be_read_whole_and_in_parts() {
    let (_folder, stores) = both();
    for store in stores {
        assert_eq!(store.put("ab/abc", hello()).await.unwrap(), 11);
        assert_eq!(read(&store, "ab/abc", None).await.unwrap(), b"hello world");
        assert_eq!(read(&store, "ab/abc", Some(6..11)).await.unwrap(), b"world");
        assert_eq!(read(&store, "ab/abc", Some(0..1)).await.unwrap(), b"h");
        store.ping().await.unwrap();
        assert_eq!(store.presign("ab/abc", "text/plain", Duration::from_secs(60)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_large_file_comes_back_as_it_went() {
    let (_folder, stores) = both();
    let piece = |n: u8| Ok(Bytes::from(vec![n; 100_000]));
    for store in stores {
        let written = store.put("ab/large", pieces((0..30).map(piece).collect())).await.unwrap();
        assert_eq!(written, 3_000_000);
        let whole = read(&store, "ab/large", None).await.unwrap();
        assert!((0..30).all(|n| whole[usize::from(n) * 100_000..][..100_000].iter().all(|byte| *byte == n)));
    }
}

#[tokio::test]
async fn an_upload_that_fails_keeps_its_error_and_leaves_nothing() {
    let (folder, stores) = both();
    for store in stores {
        let broken =
            pieces(vec![Ok(Bytes::from_static(b"hello")), Err(Error::too_large("file is too large"))]);
        assert_eq!(store.put("ab/abc", broken).await.unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(read(&store, "ab/abc", None).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let (folder, stores) = both();
    for store in stores {
        let endless =
            stream::once(async { Ok(Bytes::from(vec![7; 5_000_000])) }).chain(stream::pending()).boxed();
        let (started, first) = tokio::sync::oneshot::channel();
        let mut started = Some(started);
        let watched = endless.inspect(move |_| {
            started.take().map(|started| started.send(()));
        });
        let mut put = Box::pin(store.put("ab/abc", watched.boxed()));
        tokio::select! {
            _ = &mut put => unreachable!("the stream never ends"),
            _ = first => {}
        }
        assert!((&mut put).now_or_never().is_none());
        drop(put);
        assert_eq!(read(&store, "ab/abc", None).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test]
async fn a_deleted_file_is_gone_and_deleting_it_again_succeeds() {
    let (_folder, stores) = both();
    for store in stores {
        store.put("ab/abc", hello()).await.unwrap();
        let paths = ["ab/abc".to_owned(), "no/such".to_owned()];
        store.delete(&paths).await.unwrap();
        store.delete(&paths).await.unwrap();
        store.delete(&[]).await.unwrap();
        assert_eq!(read(&store, "ab/abc", None).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_sweep_removes_what_a_crash_left_and_nothing_else() {
    let (folder, [store, _]) = both();
    store.put("ab/abc", hello()).await.unwrap();
    std::fs::write(folder.path().join("media/incoming/cd-cde"), b"half a fi").unwrap();
    store.sweep(Duration::from_hours(24)).await.unwrap();
    assert_eq!(files(folder.path()), 2);
    store.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(files(folder.path()), 1);
    assert_eq!(read(&store, "ab/abc", None).await.unwrap(), b"hello world");
}

#[test]
fn an_address_names_a_storage_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for address in ["memory:".to_owned(), path.to_owned(), format!("file://{path}/deeper/still")] {
        OpendalMedia::open(&address).unwrap();
    }
    for address in ["", "ftp://host/x", "http://host"] {
        assert_eq!(OpendalMedia::open(address).unwrap_err().kind(), ErrorKind::Invalid, "{address}");
    }
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    assert_eq!(OpendalMedia::folder(&file).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[cfg(feature = "media-s3")]
#[tokio::test]
async fn s3_hands_out_addresses_of_its_own() {
    let address =
        "s3://bucket/chat?region=eu-west-1&endpoint=http://127.0.0.1:9&access_key_id=AK&secret_access_key=SK";
    let store = OpendalMedia::open(address).unwrap();
    let shown = format!("{store:?}");
    assert!(!shown.contains("SK"), "{shown}");
    let signed = store.presign("ab/abc", "image/png", Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(signed.starts_with("http://127.0.0.1:9/bucket/chat/ab/abc?"), "{signed}");
    assert!(signed.contains("X-Amz-Signature="), "{signed}");
    assert_eq!(store.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
    let unknown = OpendalMedia::open("s3://bucket?regio=x").unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Invalid);
    assert!(unknown.message().contains("regio"));
}
