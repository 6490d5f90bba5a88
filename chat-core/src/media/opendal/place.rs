//! Reading the address of a storage.

use super::OpendalMedia;
use crate::{Error, Result};
use std::path::Path;

pub(super) fn open(address: &str) -> Result<OpendalMedia> {
    if address == "memory:" {
        return OpendalMedia::memory();
    }
    if let Some(place) = address.strip_prefix("s3://") {
        return s3(place);
    }
    let path = address.strip_prefix("file://").unwrap_or(address);
    if path.is_empty() || path.contains("://") {
        return Err(Error::invalid("media address must be a folder, `memory:` or `s3://bucket/prefix`"));
    }
    OpendalMedia::folder(Path::new(path))
}

#[cfg(not(feature = "media-s3"))]
fn s3(_: &str) -> Result<OpendalMedia> {
    Err(Error::invalid("this build cannot keep media on S3: it lacks the feature `media-s3`"))
}

#[cfg(feature = "media-s3")]
fn s3(place: &str) -> Result<OpendalMedia> {
    use super::Kind;
    use ::opendal::{Operator, services};

    // Without this every call fails at run time for want of an HTTP client.
    ::opendal::install_default();
    let (place, query) = place.split_once('?').unwrap_or((place, ""));
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let mut builder = services::S3::default().bucket(bucket).root(prefix);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        builder = match (key, value) {
            ("access_key_id", value) => builder.access_key_id(value),
            ("endpoint", value) => builder.endpoint(value),
            ("region", value) => builder.region(value),
            ("secret_access_key", value) => builder.secret_access_key(value),
            ("virtual_host", "true") => builder.enable_virtual_host_style(),
            ("virtual_host", "false") => builder,
            _ => {
                return Err(Error::invalid(format!(
                    "media address has a parameter `{key}` that is not understood"
                )));
            }
        };
    }
    let operator = Operator::new(builder).map_err(super::unavailable)?;
    Ok(OpendalMedia { operator, kind: Kind::S3 })
}
