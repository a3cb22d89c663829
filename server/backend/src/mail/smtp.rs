//! SMTP delivery: the mail server's URL, connections, and timeouts.

mod certificate;
mod conversation;
mod ehlo_name;
mod idle;
mod message;
mod refusal;
mod transcript;
mod wire;

pub use certificate::Certificate;
pub use ehlo_name::check_ehlo_name;
pub use transcript::{Line, Listener};

use super::SmtpError;
use crate::{RenderedEmail, TrustedRoots};
use account::{EmailAddress, Secret};
use conversation::Conversation;
use idle::Idle;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;

/// Timeout for a whole conversation. Shorter than the outbox worker's lease, after which another worker would send it, too.
const WHOLE: Duration = Duration::from_secs(40);

/// A mail server and its idle connections. Cheap to clone.
#[derive(Clone)]
pub struct Smtp {
    server: Arc<Server>,
    roots: TrustedRoots,
    idle: Idle,
}

/// Connection settings for the mail server.
#[derive(Clone)]
struct Server {
    host: String,
    port: u16,
    security: Security,
    tls: Arc<ClientConfig>,
    /// The name that its certificate must contain.
    name: ServerName<'static>,
    ehlo_name: ClientId,
    login: Option<Login>,
}

/// Transport security of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    /// STARTTLS if offered.
    Opportunistic,
    /// STARTTLS required.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// Credentials for the mail server.
#[derive(Clone, PartialEq)]
struct Login {
    user: String,
    password: Secret,
}

impl Login {
    fn credentials(&self) -> Credentials {
        Credentials::new(self.user.clone(), self.password.expose().to_owned())
    }
}

impl Smtp {
    /// Parses `smtp://user:password@host:port?tls=required|opportunistic|none`, or `smtps://…` for TLS from the first byte. User
    /// and password are percent-encoded. Without `tls`, `smtp://` requires STARTTLS unless the host is this machine. The default
    /// port is 587, or 465 for `smtps://`. `ehlo_name` is a domain, or an address in brackets.
    ///
    /// # Errors
    /// If the URL or the name is invalid. The message doesn't contain the URL, which may contain a password.
    pub fn new(url: &str, ehlo_name: &str, roots: &TrustedRoots) -> Result<Self, SmtpError> {
        let url = reqwest::Url::parse(url).map_err(|error| unreadable(&error.to_string()))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(unreadable("no host"));
        }
        if !["", "/"].contains(&url.path()) {
            return Err(unreadable(
                "nothing may follow the host; set the EHLO name with REKEY_SMTP_EHLO_NAME",
            ));
        }
        let (security, port) = security(&url, &host)?;
        let login = (!url.username().is_empty()).then(|| {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            Login {
                user: decoded(url.username()),
                password: decoded(url.password().unwrap_or_default()).into(),
            }
        });
        let server = Server {
            name: ServerName::try_from(host.clone()).map_err(|_| unreadable("that host cannot have a certificate"))?,
            port: url.port().unwrap_or(port),
            host,
            security,
            tls: Arc::new(roots.tls().map_err(|error| unreadable(&error.to_string()))?),
            ehlo_name: ehlo_name::parse(ehlo_name).map_err(|wrong| unreadable(&wrong))?,
            login,
        };
        Ok(Self {
            server: Arc::new(server),
            roots: roots.clone(),
            idle: Idle::default(),
        })
    }

    /// Whether both are equivalent: URL, EHLO name and certificate authorities.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let way = |server: &Server| (server.port, server.security);
        let (this, that) = (&*self.server, &*other.server);
        way(this) == way(that)
            && this.host == that.host
            && this.ehlo_name == that.ehlo_name
            && this.login == that.login
            && self.roots.are(&other.roots)
    }

    /// Sends an e-mail, over an idle connection if possible.
    pub(super) async fn send(
        &self,
        id: &str,
        to: &EmailAddress,
        email: &RenderedEmail,
        sent_at: i64,
    ) -> Result<(), SmtpError> {
        let message = message::message(id, to, email, sent_at)?;
        let sent = async {
            let mut conversation = match self.idle.take().await {
                Some(conversation) => conversation,
                None => Conversation::begin(&self.server, None).await?,
            };
            match conversation.deliver(to, &message).await {
                Ok(()) => {
                    self.idle.keep(conversation);
                    Ok(())
                }
                Err(error) => {
                    conversation.quit().await;
                    Err(error)
                }
            }
        };
        tokio::time::timeout(WHOLE, sent)
            .await
            .map_err(|_| SmtpError::too_slow())?
    }

    /// Sends an e-mail over a new connection. The listener gets the conversation, without credentials, and the server's
    /// certificate.
    ///
    /// # Errors
    /// If the server doesn't accept it.
    pub async fn test(
        &self,
        to: &EmailAddress,
        email: &RenderedEmail,
        sent_at: i64,
        listener: Listener,
    ) -> Result<(), SmtpError> {
        let message = message::message(&crate::random::id(), to, email, sent_at)?;
        let server = self.telling(&listener)?;
        let sent = async {
            let mut conversation = Conversation::begin(&server, Some(listener)).await?;
            let sent = conversation.deliver(to, &message).await;
            conversation.quit().await;
            sent
        };
        tokio::time::timeout(WHOLE, sent)
            .await
            .map_err(|_| SmtpError::too_slow())?
    }

    /// Returns the server with a verifier that reports its certificate.
    fn telling(&self, listener: &Listener) -> Result<Server, SmtpError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let decides = WebPkiServerVerifier::builder_with_provider(self.roots.store(), provider).build();
        let mut tls = ClientConfig::clone(&self.server.tls);
        tls.dangerous().set_certificate_verifier(Arc::new(certificate::Telling {
            decides: decides.map_err(|error| unreadable(&error.to_string()))?,
            listener: listener.clone(),
        }));
        Ok(Server {
            tls: Arc::new(tls),
            ..Server::clone(&self.server)
        })
    }
}

/// Returns the connection's security and default port. Attack: a network strips STARTTLS from the server's offer and
/// reads the codes. A remote server must therefore offer it, unless configured otherwise.
fn security(url: &reqwest::Url, host: &str) -> Result<(Security, u16), SmtpError> {
    let mut asked = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" || asked.replace(value.into_owned()).is_some() {
            return Err(unreadable("the only parameter is tls"));
        }
    }
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match (url.scheme(), asked.as_deref()) {
        ("smtps", None | Some("required")) => Ok((Security::Tls, 465)),
        ("smtp", Some("required")) => Ok((Security::StartTls, 587)),
        ("smtp", Some("opportunistic")) => Ok((Security::Opportunistic, 587)),
        ("smtp", Some("none")) => Ok((Security::None, 587)),
        ("smtp", None) if loopback => Ok((Security::None, 587)),
        ("smtp", None) => Ok((Security::StartTls, 587)),
        ("smtp" | "smtps", Some(_)) => Err(unreadable(
            "tls takes required, opportunistic or none, and with smtps only required",
        )),
        _ => Err(unreadable("it must begin with smtp:// or smtps://")),
    }
}

fn unreadable(why: &str) -> SmtpError {
    SmtpError::unfit(format!("the address of the mail server cannot be parsed: {why}"))
}

#[cfg(test)]
pub(super) mod tests;
