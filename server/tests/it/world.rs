//! A service on a temporary database, called without a network.

use account::{EmailAddress, Name};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use backend::NewAccount;
use backend::store::Db;
use server::assets::Site;
use server::config::{Config, ConfigPurpose, load};
use server::http::{Parts, Peer, Service, router};
use server::{keys, listen, metrics, start};
use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

/// A service without a cookie store; each test manages its own cookies.
pub struct World {
    pub router: Router,
    pub service: Service,
    pub stop: watch::Sender<bool>,
    pub db: Db,
    _folder: TempDir,
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl World {
    /// A development server with default settings.
    pub async fn new() -> Self {
        Self::with(&[], true).await
    }

    /// A development server with Ada's account and the password `correct horse battery staple`.
    pub async fn with_ada() -> Self {
        let world = Self::new().await;
        let ada = NewAccount {
            email: EmailAddress::parse("ada@example.com").unwrap(),
            name: Name::parse("Ada Lovelace").unwrap(),
            password: Some("correct horse battery staple".into()),
            issuer: None,
            managed_by: None,
            language: None,
        };
        assert!(world.service.backend.accounts().create(ada).await.unwrap());
        world
    }

    /// A development server that also listens at its origin, until it is dropped.
    pub async fn listening() -> Self {
        Self::listening_with(&[]).await
    }

    /// A listening development server with environment settings.
    pub async fn listening_with(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let settings = [settings, &[("REKEY_ORIGIN", &origin)]].concat();
        let world = Self::with(&settings, true).await;
        let (router, stopping) = (world.router.clone(), world.service.stopping.clone());
        tokio::spawn(listen::run(listener, router, stopping));
        world
    }

    /// Returns the metrics for Prometheus.
    pub async fn scrape(&self) -> String {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = metrics::router(&self.service).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let text = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        String::from_utf8(text.to_vec()).unwrap()
    }

    /// A world with environment settings.
    pub async fn with(settings: &[(&str, &str)], dev: bool) -> Self {
        LazyLock::force(&LOG);
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        lay_out(&site);
        let mut environment = vec![
            (
                "REKEY_DATABASE_URL".to_owned(),
                format!("sqlite://{}", folder.path().join("rekey.db").display()),
            ),
            ("REKEY_SITE".to_owned(), site.display().to_string()),
        ];
        environment.extend(
            settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        let purpose = if dev {
            ConfigPurpose::ServeDev
        } else {
            ConfigPurpose::Command
        };
        let (config, problems) = load(&environment, purpose);
        assert_eq!(problems, []);
        Self::on(config, folder, dev).await
    }

    async fn on(config: Config, folder: TempDir, dev: bool) -> Self {
        let keyring = keys::read_or_make(&folder.path().join("keys.toml")).unwrap();
        let backend = start::backend(&config, keyring).await.unwrap();
        let db = backend.db().clone();
        let mail = backend::Mailer::Memory(std::sync::Arc::default());
        let site = Site::read(config.site.as_deref().unwrap()).unwrap();
        let (stop, stopping) = watch::channel(false);
        let service = Service::new(Parts {
            backend,
            mail,
            config,
            site,
            dev,
            watch: false,
            stopping,
        });
        Self {
            router: router(&service),
            service,
            stop,
            db,
            _folder: folder,
        }
    }

    /// Sends a request from 192.0.2.1.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        request.extensions_mut().insert(Peer("192.0.2.1:4711".parse().unwrap()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Opens a page like a browser.
    pub async fn open(&self, path: &str) -> Answer {
        self.send(page(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form like a browser without scripts.
    pub async fn submit(&self, path: &str, form: &str) -> Answer {
        self.send(
            form_of(path)
                .header(header::ACCEPT, "text/html")
                .body(form.to_owned().into())
                .unwrap(),
        )
        .await
    }

    /// Sends a form like a page's script.
    pub async fn call(&self, path: &str, form: &str) -> Answer {
        self.send(
            form_of(path)
                .header(header::ACCEPT, "application/json")
                .body(form.to_owned().into())
                .unwrap(),
        )
        .await
    }
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub const ORIGIN: &str = "http://127.0.0.1:3000";

pub fn page(path: &str) -> axum::http::request::Builder {
    Request::get(path)
        .header(header::HOST, "127.0.0.1:3000")
        .header(header::ACCEPT, "text/html,*/*;q=0.8")
}

/// A form request from one of the service's pages.
pub fn form_of(path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "127.0.0.1:3000")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, ORIGIN)
        .header("sec-fetch-site", "same-origin")
}

/// Writes the files of a build.
fn lay_out(site: &Path) {
    let write = |name: &str, content: &str| {
        let path = site.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write(
        "manifest.json",
        r#"{"entry":{"js":"/pkg/entry.1.js","wasm":"/pkg/entry.2.wasm"},
            "account":{"js":"/pkg/account.4.js","wasm":"/pkg/account.5.wasm"},"css":"/pkg/rekey.3.css"}"#,
    );
    write("pkg/entry.1.js", "plain script");
    write("pkg/entry.1.js.br", "br script");
    write("pkg/entry.1.js.gz", "gz script");
    write("pkg/entry.2.wasm", "wasm");
    write("pkg/rekey.3.css", "style");
    write("robots.txt", "User-agent: *\n");
}

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log of this test. Each test runs in its own thread, so it sees no other lines.
pub fn logged() -> String {
    LOGGED.with_borrow(|lines| String::from_utf8(lines.clone()).unwrap())
}

static LOG: LazyLock<()> = LazyLock::new(|| {
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Lines);
    tracing::subscriber::set_global_default(lines.finish()).unwrap();
});

struct Lines;

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
