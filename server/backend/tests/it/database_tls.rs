//! Property 37: a remote database server must present a certificate for its name before it receives anything.

use backend::store::Db;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The loopback under a name that isn't recognized as local.
const ELSEWHERE: &str = "::ffff:127.0.0.1";

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `.ci/test` sets it"))
}

fn port() -> String {
    let url = variable("TEST_POSTGRES");
    let (_, place) = url.rsplit_once(':').unwrap();
    place.split('/').next().unwrap().to_owned()
}

async fn opens(host: &str, parameters: &str) -> bool {
    let url = format!("postgres:///rekey?user=rekey&host={host}&port={}{parameters}", port());
    Db::open(&url).await.is_ok()
}

/// Attack: a man in the middle claims that the server has no TLS, and waits for the password.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_gets_no_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keeps = heard.clone();
    tokio::spawn(async move {
        loop {
            let (mut asked, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 512];
            // "No TLS", then a closed connection.
            for answer in [&b"N"[..], b""] {
                let Ok(count) = asked.read(&mut bytes).await else { break };
                keeps.lock().unwrap().extend_from_slice(&bytes[..count]);
                asked.write_all(answer).await.unwrap();
            }
        }
    });
    let url = format!("postgres:///rekey?user=ada&password=secret&host={ELSEWHERE}&port={port}");
    assert!(Db::open(&url).await.is_err());
    // PostgreSQL's SSLRequest, and nothing else.
    assert_eq!(*heard.lock().unwrap(), [0, 0, 0, 8, 4, 210, 22, 47]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_can_name_a_private_authority() {
    let ca = format!("&sslrootcert={}", variable("TEST_POSTGRES_CA"));
    assert!(opens(ELSEWHERE, &ca).await);
    assert!(!opens(ELSEWHERE, "").await, "an unknown authority");
    // The operator can choose a weaker mode.
    assert!(opens(ELSEWHERE, "&sslmode=require").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_match_the_host_name() {
    let ca = format!("&sslrootcert={}", variable("TEST_POSTGRES_CA"));
    assert!(opens("127.0.0.1", &format!("&sslmode=verify-full{ca}")).await);
    assert!(!opens("127.0.0.2", &format!("&sslmode=verify-full{ca}")).await);
    assert!(opens("127.0.0.2", &format!("&sslmode=verify-ca{ca}")).await);
}
