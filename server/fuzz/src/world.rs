use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use backend::Mailer;
use server::assets::Site;
use server::config::{ConfigPurpose, load};
use server::http::{Parts, Service, router};
use server::{keys, start};
use std::path::Path;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tower::ServiceExt;
use url::Url;

/// The service's public origin.
pub const ORIGIN: &str = "https://rekey.example";

/// The production service without a network, with maximum rate limits.
pub struct World {
    runtime: Runtime,
    router: Router,
    _stop: watch::Sender<bool>,
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, with invalid UTF-8 replaced.
    pub body: String,
}

impl World {
    /// Creates a world in the folder for temporary files.
    ///
    /// # Errors
    /// Returns a message that describes the problem.
    pub fn new() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("rekey-fuzz-{}", std::process::id()));
        let site = folder.join("site");
        lay_out(&site).map_err(|error| error.to_string())?;
        let mut environment = vec![
            ("REKEY_ORIGIN".to_owned(), ORIGIN.to_owned()),
            ("REKEY_SITE".to_owned(), site.display().to_string()),
            (
                "REKEY_DATABASE_URL".to_owned(),
                format!("sqlite://{}", folder.join("rekey.db").display()),
            ),
            ("REKEY_LIMIT_RESET_EVERY_S".to_owned(), "1".to_owned()),
        ];
        for limit in [
            "EMAILS_AN_HOUR",
            "EMAILS_A_DAY",
            "EMAILS_TO_DOMAIN_A_DAY",
            "EMAILS_TO_MAILBOX_A_DAY",
            "CODES_AN_HOUR",
            "CODES_A_DAY",
            "CLIENT_A_MINUTE",
            "FREE_PASSWORDS",
            "REFUSED_PASSWORDS_AN_HOUR",
        ] {
            environment.push((format!("REKEY_LIMIT_{limit}"), "1000000".to_owned()));
        }
        let (config, problems) = load(&environment, ConfigPurpose::Command);
        if let Some(problem) = problems.first() {
            return Err(problem.to_string());
        }
        let keyring = keys::read_or_make(&folder.join("keys.toml"))?;
        let site = Site::read(&site).map_err(|error| error.to_string())?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let (stop, stopping) = watch::channel(false);
        let router = runtime.block_on(async {
            let backend = start::backend(&config, keyring).await?;
            let parts = Parts {
                backend,
                mail: Mailer::Memory(std::sync::Arc::default()),
                config,
                site,
                dev: false,
                watch: false,
                stopping,
            };
            Ok::<_, String>(router(&Service::new(parts)))
        })?;
        Ok(Self {
            runtime,
            router,
            _stop: stop,
        })
    }

    /// Sends a request and checks the invariants of every response.
    ///
    /// # Panics
    /// Panics if a check fails, which the fuzzer reports.
    pub fn ask(&self, request: Request<Body>) -> Answer {
        let answer = self.runtime.block_on(async {
            let Ok(response) = self.router.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, 1 << 24).await.unwrap_or_default();
            Answer {
                status: parts.status,
                headers: parts.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            }
        });
        assert!(!answer.status.is_server_error(), "{answer:?}");
        for line in answer.headers.values() {
            assert!(line.to_str().is_ok(), "not plain text: {line:?}");
        }
        let places: Vec<_> = answer.headers.get_all(header::LOCATION).iter().collect();
        assert_eq!(places.len(), usize::from(answer.status.is_redirection()), "{answer:?}");
        for place in places {
            assert!(place.to_str().is_ok_and(is_local_path), "{place:?}");
        }
        for cookie in answer.cookies() {
            let (name, rest) = cookie.split_once('=').unwrap_or_default();
            assert!(OUR_COOKIES.contains(&name), "{cookie}");
            // Attack: a value adds attributes or a second cookie.
            let mut attributes: Vec<_> = rest.split("; ").skip(1).collect();
            attributes.sort_unstable();
            attributes.retain(|attribute| !attribute.starts_with("Max-Age="));
            assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{cookie}");
        }
        answer
    }
}

const OUR_COOKIES: [&str; 8] = [
    "__Host-session",
    "__Host-device",
    "__Host-signin",
    "__Host-reset",
    "__Host-signup",
    "__Host-flash",
    "__Host-theme",
    "__Host-language",
];

impl Answer {
    /// Returns the `Set-Cookie` headers, unmodified.
    pub fn cookies(&self) -> impl Iterator<Item = &str> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.filter_map(|line| line.to_str().ok())
    }

    /// Returns the redirect's target; empty if there is none.
    #[must_use]
    pub fn location(&self) -> &str {
        let place = self.headers.get(header::LOCATION);
        place.and_then(|place| place.to_str().ok()).unwrap_or_default()
    }
}

/// Returns whether a redirect to a path stays on this origin and leads to exactly this path.
#[must_use]
pub fn is_local_path(path: &str) -> bool {
    let there = Url::parse(ORIGIN).and_then(|origin| origin.join(path));
    path.starts_with('/')
        && there.is_ok_and(|there| {
            there.origin().ascii_serialization() == ORIGIN && &there[url::Position::BeforePath..] == path
        })
}

/// Creates the files of a build that pages reference.
fn lay_out(site: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(site.join("pkg"))?;
    std::fs::write(
        site.join("manifest.json"),
        r#"{"entry":{"js":"/pkg/entry.1.js","wasm":"/pkg/entry.2.wasm"},
            "account":{"js":"/pkg/account.4.js","wasm":"/pkg/account.5.wasm"},"css":"/pkg/rekey.3.css"}"#,
    )?;
    std::fs::write(site.join("pkg/rekey.3.css"), "style")
}
