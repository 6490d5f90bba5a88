//! The web UI: embedded in the binary, or an operator's folder in its place.

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;
use std::{
    collections::HashMap,
    io::Write as _,
    path::{Component, Path, PathBuf},
};

/// What the page may load and where it may talk to: nothing but this server, and no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// A foreign page is its owner's business, but nobody else may frame it.
const FOREIGN_POLICY: &str = "frame-ancestors 'self'";

#[derive(RustEmbed)]
#[folder = "web/"]
#[exclude = "node_modules/*"]
#[exclude = "test/*"]
#[exclude = "scripts/*"]
#[exclude = "client/fake.js"]
#[exclude = ".npmrc"]
#[exclude = "README.md"]
#[exclude = "package*.json"]
#[exclude = "tsconfig.json"]
#[exclude = "*.d.ts"]
struct Embedded;

/// A file ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) mime: String,
    pub(crate) etag: String,
    pub(crate) plain: Bytes,
    /// Compressed, where that saves something.
    pub(crate) gzip: Option<Bytes>,
    pub(crate) policy: String,
}

/// Where the pages come from.
#[derive(Debug)]
pub(crate) enum Web {
    /// Compressed once at start.
    Embedded(HashMap<String, Asset>),
    /// Read at each request, so that an edit shows at once.
    Folder(PathBuf),
}

impl Web {
    /// Loads the embedded UI. `media_origin` is the address of a CDN that the page may load pictures from.
    pub(crate) fn embedded(media_origin: Option<&str>) -> Self {
        let policy = match media_origin {
            Some(origin) => POLICY
                .replace("img-src 'self'", &format!("img-src 'self' {origin}"))
                .replace("media-src 'self'", &format!("media-src 'self' {origin}")),
            None => POLICY.to_owned(),
        };
        let assets = Embedded::iter().filter_map(|path| {
            let file = Embedded::get(&path)?;
            let etag = hex(&file.metadata.sha256_hash()[..12]);
            let bytes = Bytes::from(file.data.into_owned());
            Some((path.to_string(), asset(Path::new(path.as_ref()), bytes, &etag, policy.clone())))
        });
        Self::Embedded(assets.collect())
    }

    /// Finds the file for a path of the address; pages that are not files are the application itself.
    pub(crate) async fn find(&self, path: &str) -> Option<Asset> {
        let path = path.trim_start_matches('/');
        let name = if path.is_empty() { "index.html" } else { path };
        let found = self.load(name).await;
        // A page has no extension; a script that is missing must not become a page.
        let is_page = name == "chat.html" || !name.rsplit('/').next().unwrap_or_default().contains('.');
        match found {
            None if is_page => self.load("index.html").await,
            found => found,
        }
    }

    async fn load(&self, name: &str) -> Option<Asset> {
        match self {
            Self::Embedded(assets) => assets.get(name).cloned(),
            Self::Folder(folder) => {
                let relative = Path::new(name);
                // Only plain names: `..`, absolute paths and drive letters would leave the folder.
                if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
                    return None;
                }
                let bytes = tokio::fs::read(folder.join(relative)).await.ok()?;
                let etag = hex(&aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref()[..12]);
                Some(asset(relative, Bytes::from(bytes), &etag, FOREIGN_POLICY.to_owned()))
            }
        }
    }
}

fn asset(path: &Path, plain: Bytes, etag: &str, policy: String) -> Asset {
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let is_text = mime.type_() == "text"
        || matches!(mime.subtype().as_str(), "javascript" | "json" | "svg" | "manifest+json");
    let mime = if is_text { format!("{mime}; charset=utf-8") } else { mime.to_string() };
    let gzip = is_text.then(|| compress(&plain)).filter(|packed| packed.len() < plain.len());
    Asset { mime, etag: format!("\"{etag}\""), plain, gzip, policy }
}

fn compress(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("writing into memory does not fail");
    encoder.finish().expect("writing into memory does not fail").into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Web;

    #[tokio::test]
    async fn a_folder_is_served_and_never_left() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "page").unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let web = Web::Folder(folder.path().join("inner"));
        std::fs::write(folder.path().join("inner/a.js"), "script").unwrap();
        assert_eq!(web.find("/a.js").await.unwrap().plain, "script");
        assert!(web.find("/../index.html").await.is_none());
        assert!(web.find("/..%2findex.html").await.is_none());
        assert!(web.find("//etc/passwd").await.is_none());
        assert!(web.find("/missing.js").await.is_none());
    }

    #[tokio::test]
    async fn developer_tools_are_not_served() {
        let web = Web::embedded(None);
        for path in [
            "/package.json",
            "/client/fake.js",
            "/client/wire.d.ts",
            "/scripts/vendor.mjs",
            "/test/page.html",
        ] {
            assert!(web.find(path).await.is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn unknown_pages_are_the_application() {
        let web = Web::embedded(None);
        let page = web.find("/").await.expect("the UI is embedded");
        for path in ["/index.html", "/chat.html", "/conversations/7"] {
            assert_eq!(web.find(path).await.unwrap().etag, page.etag, "{path}");
        }
    }
}
