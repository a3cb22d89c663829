//! The public contract for scripts: URLs, fields, statuses and steps as JSON.

use crate::world::{Answer, World, form_of};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

/// A client that stores cookies.
struct Caller<'a> {
    world: &'a World,
    cookies: Vec<(String, String)>,
}

impl<'a> Caller<'a> {
    const fn of(world: &'a World) -> Self {
        Self {
            world,
            cookies: Vec::new(),
        }
    }

    async fn post(&mut self, path: &str, form: &str, accept: &str) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = form_of(path)
            .header(header::ACCEPT, accept)
            .header(header::COOKIE, cookies.join("; "))
            .body(form.to_owned().into())
            .unwrap();
        let answer = self.world.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    /// Sends a form like a page's script.
    async fn call(&mut self, path: &str, form: &str) -> (StatusCode, Value, String) {
        let answer = self.post(path, form, "application/json").await;
        let retry_after = answer.header(header::RETRY_AFTER).to_owned();
        (
            answer.status,
            serde_json::from_slice(&answer.body).unwrap(),
            retry_after,
        )
    }

    /// Sends a form like a browser without scripts.
    async fn submit(&mut self, path: &str, form: &str) -> (StatusCode, String) {
        let answer = self.post(path, form, "text/html").await;
        (answer.status, answer.header(header::LOCATION).to_owned())
    }
}

#[tokio::test]
async fn a_script_gets_the_next_step_or_an_error_status_with_the_reason() {
    let world = World::new().await;
    let mut caller = Caller::of(&world);

    let (status, body, _) = caller.call("/api/reset/begin", "email=").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body, refused("email_missing", json!("Email"), json!({})));

    let (status, body, _) = caller.call("/api/reset/answer", "code=12345678").await;
    assert_eq!(
        (status, body),
        (StatusCode::CONFLICT, refused("flow_gone", json!(null), json!({})))
    );

    let (status, body, _) = caller.call("/api/reset/begin", "email=Ada%40Example.com").await;
    assert_eq!(status, StatusCode::OK);
    let mailed = &body["EnterCode"];
    assert_eq!(
        (&mailed["email"], &mailed["digits"]),
        (&json!("ada@example.com"), &json!(8))
    );

    let (status, body, _) = caller.call("/api/reset/answer", "code=12").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        body,
        refused("code_wrong_length", json!("Code"), json!({ "digits": 8 }))
    );

    let (status, body, retry_after) = caller.call("/api/reset/resend", "").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(body, refused("resend_wait", json!(null), json!({ "seconds": 30 })));
    assert_eq!(retry_after, "30");

    let (status, body, _) = caller.call("/api/security/change_password", "current=a").await;
    assert_eq!(
        (status, body),
        (StatusCode::UNAUTHORIZED, refused("signed_out", json!(null), json!({})))
    );

    let (status, body, _) = caller
        .call("/api/sign_in/begin", "email=ada%40example.com&next=/security")
        .await;
    assert_eq!(
        (status, body),
        (
            StatusCode::OK,
            json!({ "EnterPassword": { "email": "ada@example.com" } })
        )
    );
    let (status, body, _) = caller.call("/api/sign_in/password", "password=wrong").await;
    assert_eq!(
        (status, body),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            refused("sign_in_wrong", json!("Password"), json!({}))
        )
    );
    let (status, body, _) = caller.call("/api/sign_in/answer", "code=123456&trust=true").await;
    assert_eq!(
        (status, body),
        (StatusCode::CONFLICT, refused("step_elsewhere", json!(null), json!({})))
    );
}

/// Property 12: the refusal appears on the page, never in a URL.
#[tokio::test]
async fn a_plain_form_redirects_to_the_page_of_its_flow() {
    let world = World::new().await;
    let mut caller = Caller::of(&world);
    for (path, form, page) in [
        ("/api/sign_in/begin", "email=nonsense", "/signin"),
        ("/api/sign_in/begin", "email=ada%40example.com", "/signin"),
        ("/api/sign_in/password", "password=wrong", "/signin"),
        ("/api/sign_in/answer", "code=1", "/signin"),
        ("/api/sign_in/resend", "", "/signin"),
        ("/api/reset/begin", "email=ada%40example.com", "/reset"),
        ("/api/reset/answer", "code=1", "/reset"),
        ("/api/reset/resend", "", "/reset"),
        ("/api/reset/choose", "password=a&again=b", "/reset"),
        ("/api/sign_up/begin", "email=new%40example.com", "/signup"),
        ("/api/sign_up/answer", "code=1", "/signup"),
        ("/api/sign_up/resend", "", "/signup"),
        ("/api/sign_up/finish", "name=a&password=b&again=c", "/signup"),
        (
            "/api/security/change_password",
            "current=a",
            "/signin?next=/security/password",
        ),
        ("/api/sign_in/sign_out", "", "/signed-out?session=unknown"),
    ] {
        let answered = caller.submit(path, form).await;
        assert_eq!(answered, (StatusCode::SEE_OTHER, page.to_owned()), "{path} {form}");
    }
}

fn refused(code: &str, field: Value, params: Value) -> Value {
    json!({ "Refused": { "code": code, "field": field, "params": params } })
}
