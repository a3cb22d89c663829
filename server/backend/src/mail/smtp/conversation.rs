//! A connection to a mail server and its SMTP conversation (RFC 5321). lettre writes commands and parses replies.

use super::refusal::{self, Command};
use super::transcript::{Listener, Transcript};
use super::wire::Wire;
use super::{Security, Server, SmtpError};
use account::EmailAddress;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Message;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Starttls};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use std::time::Duration;
use tokio::time::timeout;

/// Timeout for connecting, and for the TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);
/// Timeout for replies that are immediate or unimportant.
const MOMENT: Duration = Duration::from_secs(2);

/// Reply to DATA (RFC 5321 §4.3.2).
const BEGIN: u16 = 354;
/// Reply to the end of the message.
const TAKEN: u16 = 250;

/// A connection ready for a message.
pub(super) struct Conversation {
    smtp: AsyncSmtpConnection,
    wire: Wire,
}

impl Conversation {
    /// Connects, begins TLS as the URL requires, and authenticates.
    pub(super) async fn begin(server: &Server, listener: Option<Listener>) -> Result<Self, SmtpError> {
        let transcript = listener.map(|listener| Transcript::new(listener, secrets(server)));
        let connected = within(Wire::connect(&server.host, server.port, transcript)).await;
        let wire = connected?.map_err(|error| refusal::of_network(&error))?;
        if server.security == Security::Tls {
            secure(&wire, server).await?;
        }
        let mut smtp = greet(&wire, server).await?;
        let offered = smtp.server_info().supports_feature(Extension::StartTls);
        // Attack: a network strips STARTTLS from the server's offer and reads the codes.
        if server.security == Security::StartTls && !offered {
            return Err(refusal::no_starttls());
        }
        if matches!(server.security, Security::StartTls | Security::Opportunistic) && offered {
            let begun = smtp.command(Starttls).await;
            begun.map_err(|error| refusal::of(Command::StartTls, &error, None))?;
            secure(&wire, server).await?;
            // A new reader drops the replies and extensions from before TLS. Attack: plaintext replies injected after the one to
            // STARTTLS are trusted inside TLS.
            smtp = greet(&wire.greeting_again(), server).await?;
        }
        let is_secret = server.security == Security::Tls || (offered && server.security != Security::None);
        // Attack: a network strips STARTTLS from the server's offer and reads the credentials.
        if server.login.is_some() && server.security == Security::Opportunistic && !is_secret {
            return Err(refusal::no_starttls());
        }
        let mut conversation = Self { smtp, wire };
        conversation.sign_in(server).await?;
        Ok(conversation)
    }

    async fn sign_in(&mut self, server: &Server) -> Result<(), SmtpError> {
        let Some(login) = &server.login else { return Ok(()) };
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let Some(mechanism) = self.smtp.server_info().get_auth_mechanism(&mechanisms) else {
            return Err(refusal::no_mechanism());
        };
        self.wire.hide(&format!("AUTH {mechanism} ****"));
        let signed_in = self.smtp.auth(&mechanisms, &login.credentials()).await;
        self.wire.show();
        signed_in.map_err(|error| refusal::of(Command::Auth, &error, None))?;
        Ok(())
    }

    /// Submits a message for one recipient. After an error, the connection must not be reused.
    pub(super) async fn deliver(&mut self, to: &EmailAddress, message: &Message) -> Result<(), SmtpError> {
        let (envelope, bytes) = (message.envelope(), message.formatted());
        let smtp = &mut self.smtp;
        let mut parameters = Vec::new();
        if !to.as_str().is_ascii() {
            if !smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(refusal::no_utf8());
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !bytes.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let refused = |command| move |error| refusal::of(command, &error, Some(to));
        let from = smtp.command(Mail::new(envelope.from().cloned(), parameters)).await;
        from.map_err(refused(Command::MailFrom))?;
        for recipient in envelope.to() {
            let named = smtp.command(Rcpt::new(recipient.clone(), Vec::new())).await;
            named.map_err(refused(Command::RcptTo))?;
        }
        let answer = smtp.command(Data).await.map_err(refused(Command::Data))?;
        if !answer.has_code(BEGIN) {
            return Err(refusal::out_of_turn(Command::Data, &answer, BEGIN, to));
        }
        self.wire.hide(&format!("(the e-mail, {} bytes)", bytes.len()));
        let taken = smtp.message(&bytes).await;
        self.wire.show();
        let answer = taken.map_err(refused(Command::Data))?;
        if !answer.has_code(TAKEN) {
            return Err(refusal::out_of_turn(Command::Data, &answer, TAKEN, to));
        }
        Ok(())
    }

    /// Whether the server still responds.
    pub(super) async fn stands(&mut self) -> bool {
        timeout(MOMENT, self.smtp.test_connected()).await.unwrap_or(false)
    }

    /// Sends QUIT. The result doesn't matter, because the message is already accepted or refused.
    pub(super) async fn quit(mut self) {
        let _ = timeout(MOMENT, self.smtp.abort()).await;
    }
}

async fn greet(wire: &Wire, server: &Server) -> Result<AsyncSmtpConnection, SmtpError> {
    let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &server.ehlo_name).await;
    greeted.map_err(|error| refusal::of(Command::Ehlo, &error, None))
}

async fn secure(wire: &Wire, server: &Server) -> Result<(), SmtpError> {
    let secured = within(wire.secure(server.tls.clone(), server.name.clone())).await?;
    secured.map_err(|error| refusal::of_network(&error))
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, SmtpError> {
    timeout(CONNECT, work).await.map_err(|_| SmtpError::too_slow())
}

/// Returns the credentials in each encoding in which they are sent, to mask them in the server's replies.
fn secrets(server: &Server) -> Vec<String> {
    let Some(super::Login { user, password }) = &server.login else {
        return Vec::new();
    };
    let password = password.expose();
    let plain = STANDARD.encode(format!("\0{user}\0{password}"));
    let parts = [
        plain,
        STANDARD.encode(password),
        STANDARD.encode(user),
        password.to_owned(),
    ];
    parts.into_iter().filter(|secret| !secret.is_empty()).collect()
}
