//! Pages: rendered whole, so that they can be read and sent without scripts.

use super::{Problem, Service, headers};
use crate::assets::Program;
use crate::config::is_watched;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::ResponseOptions;

/// Every page that the app knows.
pub fn routes(service: &Service) -> Router<Service> {
    // Once a process; a second service, as tests have, finds it done.
    let _ = any_spawner::Executor::init_tokio();
    let context = context(service);
    let watched = service.dev && is_watched();
    let options = LeptosOptions::builder().output_name("rekey").build();
    let render = leptos_axum::render_app_async_with_context(
        move || {
            context();
            allow_own_scripts(watched);
        },
        move || app::shell(options.clone()),
    );
    let mut router = Router::new();
    for path in app::paths() {
        let render = render.clone();
        router = router.route(path, get(move |request: Request| async move { render(request).await }));
    }
    router
}

/// What pages and server functions find in their context.
pub fn context(service: &Service) -> impl Fn() + Clone + Send + Sync + 'static {
    let (backend, assets) = (service.backend.clone(), assets(service));
    move || {
        provide_context(backend.clone());
        provide_context(assets.clone());
    }
}

/// The names of this build's files.
pub fn assets(service: &Service) -> app::Assets {
    let build = service.site.build.clone();
    let program = |Program { js, wasm }| app::Program { js, wasm };
    app::Assets {
        entry: program(build.entry),
        home: program(build.home),
        css: build.css,
        words: build.words,
        reload: service.watch,
    }
}

/// The script tags of this page carry a nonce of this page; the header names it.
fn allow_own_scripts(watched: bool) {
    let nonce = use_nonce();
    let policy = headers::content_security_policy(nonce.as_deref(), watched);
    if let (Some(options), Some(policy)) = (use_context::<ResponseOptions>(), policy) {
        options.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Where password managers look for the page that changes a password.
pub async fn change_password() -> Response {
    see_other("/security/password")
}

/// "Your form is done; the page is there."
pub fn see_other(path: &str) -> Response {
    match HeaderValue::try_from(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => Problem::new(StatusCode::NOT_FOUND).into_response(),
    }
}
