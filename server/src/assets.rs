//! Static files for the browser, embedded or in a folder, read into memory at start-up and served in the requested encoding.

use crate::http::compress;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file with its compressed variants.
#[derive(Clone)]
pub struct Asset {
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    content_type: &'static str,
    etag: String,
    /// Whether the name contains a content hash, so that the file can be cached indefinitely.
    hashed: bool,
}

/// All files by URL path, and the file names of this build.
#[derive(Clone, Default)]
pub struct Site {
    /// Files by path, such as `/pkg/rekey.….js` and `/favicon.svg`.
    pub files: BTreeMap<String, Asset>,
    /// The files referenced by the HTML shell.
    pub build: Build,
}

/// The URL paths of a WASM program.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Program {
    /// The script that starts the WASM.
    pub js: String,
    /// The WASM.
    pub wasm: String,
}

/// The URL paths of this build's programs and stylesheet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Build {
    /// For the sign-in, reset and sign-up pages.
    pub entry: Program,
    /// For the pages of a signed-in user.
    pub account: Program,
    /// The stylesheet.
    pub css: String,
    /// The text catalogues by language; generated at start-up.
    #[serde(skip)]
    pub words: Vec<(&'static str, String)>,
}

impl Default for Build {
    /// Uses cargo-leptos' file names; its single program contains all pages.
    fn default() -> Self {
        let program = Program {
            js: "/pkg/rekey.js".into(),
            wasm: "/pkg/rekey.wasm".into(),
        };
        Self {
            entry: program.clone(),
            account: program,
            css: "/pkg/rekey.css".into(),
            words: Vec::new(),
        }
    }
}

impl Build {
    fn names(&self) -> [&str; 5] {
        let Self {
            entry, account, css, ..
        } = self;
        [&entry.js, &entry.wasm, &account.js, &account.wasm, css].map(String::as_str)
    }
}

const MANIFEST: &str = "manifest.json";

/// Returns the folder with the browser's files, if they are not embedded.
fn folder(configured: Option<&Path>) -> PathBuf {
    if let Some(folder) = configured {
        return folder.to_owned();
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.join("site")));
    beside
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| "target/site".into())
}

/// Files by their path within the site.
type Files = BTreeMap<String, Bytes>;

/// The embedded files; empty without the feature `embed-site`.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/site.rs"));

impl Site {
    /// Finds the site to serve: the configured folder, the embedded files, `site` next to the program, or `target/site`. Without
    /// any, the site is empty and pages work without scripts and styles.
    ///
    /// # Errors
    /// Returns a message if a file or the manifest cannot be read.
    pub fn find(configured: Option<&Path>) -> Result<Self, String> {
        if configured.is_none() && !EMBEDDED.is_empty() {
            let files = EMBEDDED
                .iter()
                .map(|(path, bytes)| ((*path).to_owned(), Bytes::from_static(bytes)));
            return Self::new(files.collect()).map_err(|error| format!("the built-in site cannot be read: {error}"));
        }
        let folder = folder(configured);
        let site =
            Self::read(&folder).map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?;
        if site.files.len() == site.build.words.len() {
            tracing::warn!(folder = %folder.display(), "no files for the browser; pages are served without styles and scripts");
        }
        Ok(site)
    }

    /// Reads a folder. A missing folder is an empty site.
    ///
    /// # Errors
    /// Fails if a file or the manifest cannot be read.
    pub fn read(folder: &Path) -> std::io::Result<Self> {
        let mut paths = Vec::new();
        if folder.is_dir() {
            list(folder, &mut paths)?;
        }
        let mut files = Files::new();
        for path in paths {
            let Ok(below) = path.strip_prefix(folder) else { continue };
            files.insert(below.to_string_lossy().into_owned(), std::fs::read(&path)?.into());
        }
        Self::new(files)
    }

    /// Builds the site from files, some of which may exist only in compressed form.
    fn new(mut found: Files) -> std::io::Result<Self> {
        let manifest = found.remove(MANIFEST);
        let mut build: Build = match &manifest {
            Some(bytes) => serde_json::from_slice(bytes)?,
            None => Build::default(),
        };
        let mut files = BTreeMap::new();
        let names: BTreeSet<&str> = found
            .keys()
            .map(|name| name.strip_suffix(".br").or(name.strip_suffix(".gz")).unwrap_or(name))
            .collect();
        for name in names {
            let form = |ending: &str| found.get(&format!("{name}{ending}")).cloned();
            let (brotli, gzip) = (form(".br"), form(".gz"));
            let plain = match (form(""), &brotli) {
                (Some(plain), _) => plain,
                (None, Some(packed)) => compress::unpack_brotli(packed)?.into(),
                (None, None) => continue,
            };
            let address = format!("/{name}");
            let asset = Asset {
                brotli,
                gzip,
                content_type: content_type(Path::new(name)),
                etag: format!("\"{}\"", hex(&Sha256::digest(&plain)[..12])),
                hashed: manifest.is_some() && build.names().contains(&address.as_str()),
                plain,
            };
            files.insert(address, asset);
        }
        for language in app::words::LANGUAGES {
            let words = Asset::of_words(language)?;
            let address = format!("/pkg/words.{language}.{}.txt", words.etag.trim_matches('"'));
            build.words.push((language, address.clone()));
            files.insert(address, words);
        }
        Ok(Self { files, build })
    }
}

impl Asset {
    /// Builds the text catalogue of a language in the format read by the browser's program.
    fn of_words(language: &str) -> std::io::Result<Self> {
        let plain = app::words::for_browser(language).into_bytes();
        Ok(Self {
            brotli: Some(compress::brotli(&plain, 9)?),
            gzip: Some(compress::gzip(&plain, 9)?),
            content_type: "text/plain; charset=utf-8",
            etag: format!("\"{}\"", hex(&Sha256::digest(&plain)[..12])),
            hashed: true,
            plain: plain.into(),
        })
    }

    /// Responds to a request for the file.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        let keep = if self.hashed {
            "public, max-age=31536000, immutable"
        } else {
            "public, max-age=300"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.brotli.is_some() || self.gzip.is_some() {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        let (encoding, bytes) = match accepted(request) {
            Encodings { brotli: true, .. } if self.brotli.is_some() => (Some("br"), self.brotli.as_ref()),
            Encodings { gzip: true, .. } if self.gzip.is_some() => (Some("gzip"), self.gzip.as_ref()),
            _ => (None, None),
        };
        // An entity tag identifies one representation of the file (RFC 9110 §8.8.3).
        let tag = encoding.map_or_else(
            || self.etag.clone(),
            |encoding| format!("{}-{encoding}\"", self.etag.trim_end_matches('"')),
        );
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if known(request, &tag) {
            headers.remove(header::CONTENT_TYPE);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        *response.body_mut() = Body::from(bytes.unwrap_or(&self.plain).clone());
        response
    }
}

/// The encodings accepted by a browser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Encodings {
    /// `br`.
    pub brotli: bool,
    /// `gzip`.
    pub gzip: bool,
}

/// Parses `Accept-Encoding`; an encoding with `q=0` is not accepted.
#[must_use]
pub fn accepted(request: &HeaderMap) -> Encodings {
    let mut taken = Encodings::default();
    for line in request.get_all(header::ACCEPT_ENCODING) {
        let parts = line.as_bytes().split(|byte| *byte == b',');
        for part in parts.filter_map(|part| str::from_utf8(part).ok()) {
            let (name, rest) = part.split_once(';').unwrap_or((part, ""));
            let refused = rest
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.trim().parse().is_ok_and(|q: f32| q <= 0.0));
            match name.trim().to_ascii_lowercase().as_str() {
                "br" => taken.brotli = !refused,
                "gzip" => taken.gzip = !refused,
                _ => {}
            }
        }
    }
    taken
}

fn known(request: &HeaderMap, tag: &str) -> bool {
    let lines = request.get_all(header::IF_NONE_MATCH).iter().map(HeaderValue::as_bytes);
    let mut listed = lines.flat_map(|line| line.split(|byte| *byte == b','));
    listed.any(|one| {
        let one = one.trim_ascii();
        one.strip_prefix(b"W/").unwrap_or(one) == tag.as_bytes()
    })
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, into)?
        } else {
            into.push(path)
        }
    }
    Ok(())
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &[u8])]) -> Site {
        let files = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), Bytes::copy_from_slice(bytes)));
        Site::new(files.collect()).unwrap()
    }

    #[test]
    fn a_file_stored_only_compressed_is_also_served_uncompressed() {
        let packed = compress::brotli(b"a { color: red }", 9).unwrap();
        let site = of(&[
            ("pkg/x.css.br", &packed),
            ("pkg/x.css.gz", b"gz"),
            ("favicon.svg", b"<svg/>"),
        ]);
        let both = of(&[("pkg/x.css.br", &packed), ("pkg/x.css", b"a { color: red }")]);
        let css = &site.files["/pkg/x.css"];
        assert_eq!(css.plain.as_ref(), b"a { color: red }");
        assert_eq!(
            (css.brotli.as_deref(), css.gzip.as_deref()),
            (Some(&packed[..]), Some(&b"gz"[..]))
        );
        assert_eq!(css.etag, both.files["/pkg/x.css"].etag, "same content, same ETag");
        assert!(!site.files.contains_key("/pkg/x.css.br"));
        assert_eq!(site.files["/favicon.svg"].plain.as_ref(), b"<svg/>");
    }

    #[test]
    fn a_corrupt_file_is_an_error() {
        let broken = [("pkg/x.css.br".to_owned(), Bytes::from_static(b"no brotli"))];
        assert!(Site::new(broken.into()).is_err());
    }
}
