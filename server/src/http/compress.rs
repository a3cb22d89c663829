//! Compression of pages.
//!
//! Attack: a secret is guessed from the lengths of compressed pages that repeat the attacker's input (BREACH). No page contains a
//! token, password or code, and the destination after sign-in is the only part of a URL on a page.

use crate::assets::{Encodings, accepted};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use std::io::Write;

/// Minimum body size in bytes; smaller bodies are not worth the extra headers.
const WORTH_IT: usize = 1024;
/// Maximum body size in bytes, far above any page's.
const LARGEST: usize = 4 * 1024 * 1024;

/// Compresses a page with an encoding accepted by the browser. Other responses, including streams, stay unchanged.
pub async fn page(request: &HeaderMap, response: Response) -> Response {
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        parts.status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(parts, Body::empty());
    };
    parts
        .headers
        .insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let packed = if bytes.len() < WORTH_IT {
        None
    } else {
        pack(&bytes, accepted(request))
    };
    let body = match packed {
        Some((encoding, packed)) => {
            parts
                .headers
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            packed
        }
        None => bytes,
    };
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::from(body))
}

/// Compresses with fast settings: the last few percent cost more than the rest of the request.
fn pack(bytes: &[u8], taken: Encodings) -> Option<(&'static str, Bytes)> {
    if taken.brotli {
        return Some(("br", brotli(bytes, 4).ok()?));
    }
    if taken.gzip {
        return Some(("gzip", gzip(bytes, 4).ok()?));
    }
    None
}

/// Compresses with Brotli (RFC 7932) at a quality from 0 to 11.
pub fn brotli(bytes: &[u8], quality: i32) -> std::io::Result<Bytes> {
    let params = brotli::enc::BrotliEncoderParams {
        quality,
        lgwin: 16,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut packed = Vec::with_capacity(bytes.len() / 3);
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &params)?;
    Ok(packed.into())
}

/// Compresses with gzip (RFC 1952) at a level from 0 to 9.
pub fn gzip(bytes: &[u8], level: u32) -> std::io::Result<Bytes> {
    let mut packed =
        flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 3), flate2::Compression::new(level));
    packed.write_all(bytes)?;
    Ok(packed.finish()?.into())
}

/// Decompresses Brotli data.
///
/// # Errors
/// Fails if the data is not valid Brotli.
pub fn unpack_brotli(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    brotli::BrotliDecompress(&mut &packed[..], &mut plain)?;
    Ok(plain)
}
