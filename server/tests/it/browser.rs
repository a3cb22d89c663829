//! A browser that opens pages of a listening service and follows redirects by hand.

use crate::world::World;
use axum::http::{StatusCode, header};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

/// A browser that stores cookies.
pub struct Browser {
    pub http: Client,
    pub origin: String,
    pub cookies: Vec<(String, String)>,
}

impl Browser {
    pub fn of(world: &World) -> Self {
        Self {
            http: Client::builder().no_proxy().redirect(Policy::none()).build().unwrap(),
            origin: world.service.config.origin.text.clone(),
            cookies: Vec::new(),
        }
    }

    pub async fn open(&mut self, url: &str) -> Response {
        let url = if url.starts_with('/') {
            format!("{}{url}", self.origin)
        } else {
            url.to_owned()
        };
        self.send(self.http.get(url)).await
    }

    /// Sends a form of one of the service's pages, without scripts.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.origin)).form(fields);
        self.send(request.header(header::ORIGIN, &self.origin)).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request.header(header::ACCEPT, "text/html");
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            let value = rest.split(';').next().unwrap();
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        response
    }

    /// Signs in at the stand-in for Google; returns where this leads.
    pub async fn sign_in(&mut self, next: &str) -> String {
        let there = location(&self.open(&format!("/signin/provider/google?next={next}")).await);
        let shown = self.open(&there).await.text().await.unwrap();
        let form = shown.split("<form").nth(1).unwrap();
        let field = |after: &str| {
            let (name, rest) = after.split_once('"').unwrap();
            (name.to_owned(), rest.split('"').nth(1).unwrap().to_owned())
        };
        let mut fields: Vec<_> = form.split("type=\"hidden\" name=\"").skip(1).map(field).collect();
        fields.push(("button".into(), "google@example.com".into()));
        let request = self
            .http
            .post(&there)
            .header(header::ORIGIN, &self.origin)
            .form(&fields);
        let callback = location(&request.send().await.unwrap());
        location(&self.open(&callback).await)
    }
}

pub fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{:?}", response.url());
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}
