//! The members of an organization as a CSV file (RFC 4180), for its administrators.

use super::downloads::harmless;
use super::{Problem, Service};
use account::{MemberRow, Timestamp};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Answers `GET /organization/members.csv`.
pub async fn csv(State(service): State<Service>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let members = match app::members(&service.backend, &parts).await {
        Ok(members) => members,
        Err(status) => return Problem::new(status).into_response(),
    };
    match written(&members) {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"members.csv\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, body).into_response()
        }
        Err(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

fn written(members: &[MemberRow]) -> Result<Vec<u8>, csv::Error> {
    let mut file = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    file.write_record(["email", "name", "state", "role", "last_sign_in"])?;
    for member in members {
        let state = if member.disabled { "deactivated" } else { "active" };
        let role = if member.administrator {
            "administrator"
        } else {
            "member"
        };
        let at = |at: Timestamp| format!("{}T{}Z", at.day(), at.hour_and_minute());
        let last = member.last_sign_in.map_or_else(String::new, at);
        file.write_record([&harmless(&member.email), &harmless(&member.name), state, role, &last])?;
    }
    file.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        let member = |email: &str, name: &str| MemberRow {
            id: "1".into(),
            email: email.into(),
            name: name.into(),
            disabled: false,
            last_sign_in: Some(Timestamp(1_795_514_520_000)),
            administrator: true,
            here: false,
        };
        let members = [
            member("+a@example.com", "=1+1"),
            member("b@example.com", "-2"),
            member("c@example.com", "@SUM(A1)"),
            member("d@example.com", "\t=3"),
            member("e@example.com", "Ada, \"Countess\""),
        ];
        let text = String::from_utf8(written(&members).unwrap()).unwrap();
        let rest = "active,administrator,2026-11-24T10:02Z\r\n";
        let expected = format!(
            "email,name,state,role,last_sign_in\r\n'+a@example.com,'=1+1,{rest}b@example.com,'-2,{rest}c@example.com,'@SUM(A1),{rest}\
             d@example.com,'\t=3,{rest}e@example.com,\"Ada, \"\"Countess\"\"\",{rest}"
        );
        assert_eq!(text, expected);
    }
}
