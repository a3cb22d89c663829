//! Pages, rendered completely on the server so that they work without scripts.

use super::{Problem, Service, headers};
use crate::assets::Program;
use crate::config::is_watched;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::ResponseOptions;

/// Returns the routes of all pages of the app.
pub fn routes(service: &Service) -> Router<Service> {
    // Fails harmlessly for a second service in the same process, as in tests.
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
    for page in app::PageId::ALL {
        let (path, render) = (axum_path(page.address()), render.clone());
        let show = async move |State(service): State<Service>, mut request: Request| {
            let search = request.uri().query().unwrap_or_default();
            if let Some(product) = app::waiting_product(&service.backend, *page, search).await {
                request.extensions_mut().insert(product);
            }
            render(request).await
        };
        router = router.route(&path, get(show));
    }
    router
}

/// Converts the address of a page to axum's syntax: `/accounts/:id` becomes `/accounts/{id}`.
fn axum_path(address: &str) -> String {
    let segments = address.split('/').map(|segment| match segment.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Provides the context of pages and server functions.
pub fn context(service: &Service) -> impl Fn() + Clone + Send + Sync + 'static {
    let (backend, assets) = (service.backend.clone(), assets(service));
    move || {
        provide_context(backend.clone());
        provide_context(assets.clone());
    }
}

/// Returns the file names of this build.
pub fn assets(service: &Service) -> app::Assets {
    let build = service.site.build.clone();
    let program = |Program { js, wasm }| app::Program { js, wasm };
    app::Assets {
        entry: program(build.entry),
        account: program(build.account),
        css: build.css,
        words: build.words,
        reload: service.watch,
    }
}

/// Puts a nonce into the page's script tags and into the header.
fn allow_own_scripts(watched: bool) {
    let nonce = use_nonce();
    let policy = headers::content_security_policy(nonce.as_deref(), watched);
    if let (Some(options), Some(policy)) = (use_context::<ResponseOptions>(), policy) {
        options.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Redirects the well-known URL used by password managers to the page for changing a password.
pub async fn change_password() -> Response {
    see_other("/security/password")
}

/// Redirects to a page with 303 after a form.
pub fn see_other(path: &str) -> Response {
    match HeaderValue::try_from(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => Problem::new(StatusCode::NOT_FOUND).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::axum_path;

    #[test]
    fn page_parameters_are_converted_to_axum_syntax() {
        assert_eq!(axum_path("/accounts/:id/events"), "/accounts/{id}/events");
        assert_eq!(axum_path("/"), "/");
    }
}
