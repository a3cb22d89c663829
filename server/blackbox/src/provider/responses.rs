//! The provider's responses: its documents and tokens.

use super::{CLIENT_ID, DISCOVERY, Grant, KEYS, Lie, Reply, Shared, TOKEN, fields, jws};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::SystemTime;

/// The path of the user information.
const USERINFO: &str = "/userinfo";
/// The query string of a moved path.
const MOVED: &str = "moved";

struct Response {
    status: u16,
    location: Option<String>,
    body: Vec<u8>,
}

impl Shared {
    /// Answers one request of a connection.
    pub(super) fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut body)?;
        let target = first.split(' ').nth(1).unwrap_or_default();
        let response = self.respond(target, &fields(&body));
        let location = response.location.map(|to| format!("Location: {to}\r\n"));
        let head = format!(
            "HTTP/1.1 {} Status\r\nContent-Type: application/json\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n",
            response.status,
            location.unwrap_or_default(),
            response.body.len(),
        );
        reader.get_mut().write_all(&[head.as_bytes(), &response.body].concat())
    }

    fn respond(&self, target: &str, form: &BTreeMap<String, String>) -> Response {
        let (place, query) = target.split_once('?').unwrap_or((target, ""));
        let found = self.lies.iter().find_map(|(id, lie)| {
            let path = place.strip_prefix('/')?.strip_prefix(id)?;
            path.starts_with('/').then_some((*id, path, *lie))
        });
        let Some((id, path, lie)) = found else {
            return Response::status(404);
        };
        let grant = {
            let mut state = self.state();
            state.requests.push((id.to_owned(), path.to_owned()));
            form.get("code").and_then(|code| state.grants.get(code).cloned())
        };
        let lie = grant.as_ref().map_or(lie, |grant| grant.lie);
        let reply = match lie {
            Lie::Endpoint(at, reply) if at == path && query != MOVED => Some(reply),
            _ => None,
        };
        match reply {
            Some(Reply::Status(status)) => return Response::status(status),
            Some(Reply::Json(document)) => return Response::json(document),
            Some(Reply::Moved) => {
                let location = Some(format!("{}{path}?{MOVED}", self.issuer(id)));
                return Response {
                    location,
                    ..Response::status(307)
                };
            }
            Some(Reply::Huge) | None => {}
        }
        let mut response = match path {
            DISCOVERY => Response::json(self.discovery(id, lie)),
            KEYS => Response::json(json!({ "keys": [self.key.jwk()] })),
            USERINFO => Response::json(json!({
                "sub": "another-subject", "email": "another-subject@example.com", "email_verified": true,
            })),
            TOKEN => self.token(id, grant, form),
            _ => Response::status(404),
        };
        if matches!(reply, Some(Reply::Huge)) {
            response.body.resize(response.body.len() + 5_000_000, b' ');
        }
        response
    }

    fn discovery(&self, id: &str, lie: Lie) -> Value {
        let issuer = self.issuer(id);
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}{TOKEN}"),
            "jwks_uri": format!("{issuer}{KEYS}"),
            "userinfo_endpoint": format!("{issuer}{USERINFO}"),
            "authorization_response_iss_parameter_supported": true,
            "response_types_supported": ["code"],
        });
        if let Lie::Discovery(change) = lie {
            change(&mut document);
        }
        document
    }

    fn token(&self, id: &str, grant: Option<Grant>, form: &BTreeMap<String, String>) -> Response {
        let sent = |name: &str| form.get(name).cloned().unwrap_or_default();
        let is_correct = |grant: &Grant| {
            let asked = |name: &str| grant.request.get(name).cloned().unwrap_or_default();
            let fits = jws::challenge(&sent("code_verifier")) == asked("code_challenge");
            grant.id == id
                && sent("redirect_uri") == asked("redirect_uri")
                && (fits || matches!(grant.lie, Lie::AnyVerifier))
        };
        let Some(grant) = grant.filter(is_correct) else {
            return Response {
                status: 400,
                ..Response::json(json!({ "error": "invalid_grant" }))
            };
        };
        let mut state = self.state();
        // A code is valid once.
        state.grants.remove(&sent("code"));
        state.issued.push(id.to_owned());
        drop(state);
        Response::json(json!({
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": self.id_token(id, &grant),
        }))
    }

    fn id_token(&self, id: &str, grant: &Grant) -> String {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let mut header = json!({ "alg": "ES256", "kid": jws::KEY_ID, "typ": "JWT" });
        let mut claims = json!({
            "iss": self.issuer(id),
            "sub": grant.person.subject,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": grant.request.get("nonce"),
            "at_hash": jws::half_hash("access"),
            "email": grant.person.email,
            "email_verified": grant.person.email_verified,
            "name": "Pat Provider",
        });
        match grant.lie {
            Lie::Header(change) => change(&mut header),
            Lie::Claims(change) => change(&mut claims),
            Lie::Unsigned => header["alg"] = "none".into(),
            Lie::PublicKeyAsSecret => header["alg"] = "HS256".into(),
            Lie::KeyInHeader => header["jwk"] = self.unpublished.jwk(),
            Lie::OtherUserinfo => claims["email"] = Value::Null,
            _ => {}
        }
        let message = jws::message(&header, &claims);
        let signature = match grant.lie {
            Lie::Unsigned => Vec::new(),
            Lie::PublicKeyAsSecret => self.key.sign_with_public_key(&message),
            Lie::UnpublishedKey | Lie::KeyInHeader => self.unpublished.sign(&message),
            _ => self.key.sign(&message),
        };
        let message = match grant.lie {
            Lie::SignedClaims(change) => {
                change(&mut claims);
                jws::message(&header, &claims)
            }
            _ => message,
        };
        [message, jws::base64url(&signature)].join(".")
    }
}

impl Response {
    const fn status(status: u16) -> Self {
        Self {
            status,
            location: None,
            body: Vec::new(),
        }
    }

    fn json(document: impl ToString) -> Self {
        Self {
            body: document.to_string().into_bytes(),
            ..Self::status(200)
        }
    }
}
