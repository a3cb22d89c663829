//! The commands `rekey client …`.

use super::{Failed, moment, need_database, say};
use crate::config::{CLIENT_KEYS, Config};
use crate::start;
use account::{Keyring, Timestamp};
use backend::Backend;
use backend::oauth::{
    ClientDetails, ClientOptions, ClientSettings, InvalidClient, NewClient, NewSecret, TokenAlgorithm,
};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Manage clients: products whose users sign in here.
#[derive(Subcommand)]
pub enum Client {
    /// Add a client and print its secret once; running servers know it within a few seconds
    Add(Box<Registration>),
    /// List clients: id, name, where it is registered, whether it has a secret, who operates it
    List,
    /// Show one client: settings, validity of secrets, number of users, last use
    Show {
        /// Identifier of the client
        id: String,
    },
    /// Replace the secret of a client and print the new one once
    Rotate {
        /// Identifier of the client
        id: String,
        /// Time for which the current secret is also accepted: a number with s, m, h or d, at most 30d
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = overlap)]
        overlap: i64,
    },
    /// Remove a client; its tokens and waiting requests end, its users are disconnected
    Remove {
        /// Identifier of the client
        id: String,
        /// Confirm the removal, which cannot be undone
        #[arg(long)]
        yes: bool,
    },
}

/// A client to add.
#[derive(Args)]
pub struct Registration {
    /// Identifier that the product sends as `client_id`
    id: String,
    /// Name of the product for users
    #[arg(long)]
    name: String,
    /// Address to which the product lets users return; repeat the option for several
    #[arg(long, value_name = "URI", required = true)]
    redirect_uri: Vec<String>,
    /// Address to which users may return after they signed out; repeat the option for several
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// Address of the product that is told when a session ends here
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// Another company operates the product; users are asked before it learns something about them
    #[arg(long)]
    third_party: bool,
    /// The product cannot keep a secret: a native app or a page that runs only in the browser
    #[arg(long)]
    public: bool,
    /// Address where the product begins, shown on users' profile page
    #[arg(long, value_name = "URI")]
    home_uri: Option<String>,
    /// File with the product's mark: a PNG or SVG image of at most 8 KiB
    #[arg(long, value_name = "FILE")]
    logo: Option<PathBuf>,
    /// Algorithm of ID tokens: ES256, or RS256 with REKEY_RSA_KEY_FILE
    #[arg(long, value_name = "NAME", default_value = "ES256", value_parser = algorithm)]
    id_token_alg: TokenAlgorithm,
    /// Give the product identifiers of users that no other product knows
    #[arg(long)]
    pairwise: bool,
    /// API for which access tokens are JWTs
    #[arg(long, value_name = "URI")]
    access_token_audience: Option<String>,
    /// File with the product's public keys, with which it proves itself instead of a secret
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    jwks: Option<PathBuf>,
}

fn algorithm(name: &str) -> Result<TokenAlgorithm, &'static str> {
    TokenAlgorithm::read(name).ok_or("it must be ES256 or RS256")
}

/// The longest overlap of two secrets.
const MOST_OVERLAP_S: i64 = 30 * 24 * 60 * 60;

/// Reads a time, in seconds.
fn overlap(text: &str) -> Result<i64, &'static str> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let seconds = units.into_iter().find_map(|(unit, seconds)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        Some(i64::from(number) * seconds)
    });
    seconds
        .filter(|seconds| *seconds <= MOST_OVERLAP_S)
        .ok_or("it must be a number with s, m, h or d, such as 24h, at most 30d")
}

/// Runs `rekey client …`.
pub async fn run(config: Config, keys: Keyring, client: Client) -> Result<(), Failed> {
    if !matches!(client, Client::Add(_)) {
        need_database(&config)?;
    }
    let backend = start::backend(&config, keys).await?;
    match client {
        Client::Add(new) => add(&config, &backend, *new).await,
        Client::List => list(&config, &backend).await,
        Client::Show { id } => show(&config, &backend, &id).await,
        Client::Rotate { id, overlap } => rotate(&config, &backend, &id, overlap).await,
        Client::Remove { id, yes } => remove(&config, &backend, &id, yes).await,
    }
}

async fn add(config: &Config, backend: &Backend, new: Registration) -> Result<(), Failed> {
    let read = |file: &PathBuf| {
        std::fs::read(file)
            .map_err(|error| Failed::Other(format!("{} cannot be read: {}", file.display(), error.kind())))
    };
    let logo = match &new.logo {
        None => None,
        Some(file) => {
            let logo = ClientOptions::logo_of(&read(file)?);
            Some(logo.map_err(|wrong| Failed::Other(format!("{} {wrong}", file.display())))?)
        }
    };
    let jwks = new.jwks.as_ref().map(read).transpose()?;
    let options = ClientOptions {
        home_uri: new.home_uri,
        logo,
        id_token_signed_response_alg: new.id_token_alg,
        pairwise: new.pairwise,
        access_token_audience: new.access_token_audience,
        jwks: jwks.map(|keys| String::from_utf8_lossy(&keys).into_owned()),
    };
    let has_keys = options.jwks.is_some();
    if new.id_token_alg == TokenAlgorithm::RS256 && config.rsa_key_file.is_none() {
        return Err(Failed::Other("RS256 needs REKEY_RSA_KEY_FILE.".into()));
    }
    let settings = ClientSettings {
        options,
        id: new.id,
        name: new.name,
        redirect_uris: new.redirect_uri,
        client_secret: None,
        third_party: new.third_party,
        post_logout_redirect_uris: new.post_logout_redirect_uri,
        backchannel_logout_uri: new.backchannel_logout_uri,
    };
    let id = &settings.id;
    let added = backend.client_registrations().add(&settings, new.public).await;
    let secret = match added.map_err(|error| error.to_string())? {
        NewClient::Added(secret) => secret,
        NewClient::Invalid(fields) => {
            let sentences: Vec<_> = fields.into_iter().map(sentence).collect();
            return Err(Failed::Other(sentences.join("\n")));
        }
        NewClient::Taken => {
            return Err(Failed::Other(format!(
                "There is already a client with the id {id}; it was not changed."
            )));
        }
    };
    let mut text = format!("Added {id}. Running servers know it within a few seconds. Configure the product:\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}\t{value}");
    };
    line("issuer", &config.origin.text);
    line("client id", id);
    match &secret {
        Some(secret) => line("client secret", secret.expose()),
        None if has_keys => line("client authentication", "private_key_jwt"),
        None => line("client secret", "none"),
    }
    line("scopes", "openid email profile");
    line("PKCE", "S256");
    line("ID tokens", new.id_token_alg.as_str());
    if secret.is_some() {
        text.push_str("The secret is not shown again.\n");
    }
    say(&text)
}

/// Returns the sentence for an invalid field.
fn sentence(field: InvalidClient) -> String {
    let takes = CLIENT_KEYS.iter().find(|key| key.name == field.name);
    let takes = takes.map_or("", |key| key.takes);
    let address = "https://… in its usual spelling, at most 512 characters (http only on a loopback host)";
    let (option, takes) = match field.name {
        "id" => ("ID", takes),
        "name" => ("--name", takes),
        "redirect_uris" => ("--redirect-uri", address),
        "post_logout_redirect_uris" => ("--post-logout-redirect-uri", address),
        "backchannel_logout_uri" => ("--backchannel-logout-uri", address),
        "home_uri" => ("--home-uri", address),
        "jwks_file" => ("--jwks", takes),
        "access_token_audience" => ("--access-token-audience", takes),
        other => (other, takes),
    };
    format!("{option} {}; it must be {takes}", field.text)
}

fn in_configuration<'a>(config: &'a Config, id: &str) -> Option<&'a ClientSettings> {
    config.clients.iter().find(|client| client.id == id)
}

async fn list(config: &Config, backend: &Backend) -> Result<(), Failed> {
    let stored = backend.client_registrations().list().await;
    let stored = stored.map_err(|fault| fault.to_string())?;
    let configured = config
        .clients
        .iter()
        .map(|client| line(client, client.is_confidential(), "configuration"));
    let stored = stored.iter().map(|client| {
        let place = match in_configuration(config, &client.settings.id) {
            Some(_) => "database (not used)",
            None => "database",
        };
        line(&client.settings, client.is_confidential, place)
    });
    say(&configured.chain(stored).collect::<String>())
}

fn line(client: &ClientSettings, is_confidential: bool, place: &str) -> String {
    let (kind, party) = (kind(is_confidential), party(client));
    format!("{}\t{}\t{place}\t{kind}\t{party}\n", client.id, client.name)
}

const fn kind(is_confidential: bool) -> &'static str {
    if is_confidential { "confidential" } else { "public" }
}

const fn party(client: &ClientSettings) -> &'static str {
    if client.third_party {
        "third party"
    } else {
        "first party"
    }
}

async fn find(backend: &Backend, id: &str) -> Result<Option<ClientDetails>, Failed> {
    let found = backend.client_registrations().find(id).await;
    Ok(found.map_err(|fault| fault.to_string())?)
}

fn no_client(id: &str) -> Failed {
    Failed::Other(format!("There is no client with the id {id}."))
}

async fn show(config: &Config, backend: &Backend, id: &str) -> Result<(), Failed> {
    let stored = find(backend, id).await?;
    let (settings, is_confidential, place) = match (in_configuration(config, id), &stored) {
        (Some(client), _) => (client, client.is_confidential(), "configuration"),
        (None, Some(stored)) => (&stored.settings, stored.is_confidential, "database"),
        (None, None) => return Err(no_client(id)),
    };
    let usage = backend.client_registrations().usage(id).await;
    let (users, used_at) = usage.map_err(|fault| fault.to_string())?;
    let mut lines = vec![
        ("id", settings.id.clone()),
        ("name", settings.name.clone()),
        ("registered in", place.to_owned()),
        ("kind", format!("{}, {}", kind(is_confidential), party(settings))),
    ];
    let addresses = [
        ("redirect address", &settings.redirect_uris),
        ("address after sign-out", &settings.post_logout_redirect_uris),
    ];
    for (name, uris) in addresses {
        lines.extend(uris.iter().map(|uri| (name, uri.clone())));
    }
    let backchannel = settings.backchannel_logout_uri.clone();
    lines.push(("back-channel address", backchannel.unwrap_or_else(|| "-".into())));
    let options = &settings.options;
    let optional = [
        ("home", options.home_uri.clone()),
        (
            "ID tokens",
            Some(options.id_token_signed_response_alg.as_str().to_owned()),
        ),
        ("subjects", options.pairwise.then(|| "pairwise".to_owned())),
        ("access tokens for", options.access_token_audience.clone()),
        (
            "client authentication",
            options.jwks.as_ref().map(|_| "private_key_jwt".to_owned()),
        ),
    ];
    lines.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if let Some(stored) = stored.filter(|_| place == "database") {
        lines.push(("added", moment(stored.created_at)));
        let until = stored
            .previous_until
            .map(|until| ("previous secret until", moment(until)));
        lines.extend(until);
    }
    lines.push(("users", users.to_string()));
    lines.push(("last used", used_at.map_or_else(|| "-".into(), moment)));
    let mut text = String::new();
    for (name, value) in lines {
        let _ = writeln!(text, "{name}\t{value}");
    }
    say(&text)
}

/// Fails for a client of the configuration, which the command cannot change.
fn need_no_configuration(config: &Config, id: &str) -> Result<(), Failed> {
    match in_configuration(config, id) {
        Some(_) => Err(Failed::Other(format!(
            "The client {id} is in the configuration; change it there, and restart the servers."
        ))),
        None => Ok(()),
    }
}

async fn rotate(config: &Config, backend: &Backend, id: &str, overlap_s: i64) -> Result<(), Failed> {
    need_no_configuration(config, id)?;
    let rotated = backend.client_registrations().rotate(id, overlap_s).await;
    match rotated.map_err(|error| error.to_string())? {
        NewSecret::Replaced(secret, until) => say(&rotated_text(id, secret.expose(), until)),
        NewSecret::Keys => Err(Failed::Other(format!(
            "The client {id} proves itself by its keys; to replace them, remove it and add it again."
        ))),
        NewSecret::Public => Err(Failed::Other(format!("The client {id} is public and has no secret."))),
        NewSecret::Unknown => Err(no_client(id)),
    }
}

fn rotated_text(id: &str, secret: &str, until: Timestamp) -> String {
    format!(
        "Replaced the secret of {id}. Running servers accept the new one within a few seconds, and the previous one until {}.\n\
         client secret\t{secret}\nThe secret is not shown again.\n",
        moment(until)
    )
}

async fn remove(config: &Config, backend: &Backend, id: &str, yes: bool) -> Result<(), Failed> {
    if find(backend, id).await?.is_none() {
        need_no_configuration(config, id)?;
    }
    if !yes {
        return Err(Failed::Other(format!(
            "This removes the client {id}, ends its tokens and waiting requests, and disconnects its users. Add --yes to confirm."
        )));
    }
    let removed = backend.client_registrations().remove(id).await;
    match removed.map_err(|error| error.to_string())? {
        Some(users) => say(&format!("Removed {id}. Users disconnected: {users}.\n")),
        None => Err(no_client(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn an_overlap_is_a_number_with_a_unit() {
        for (text, seconds) in [
            ("0s", 0),
            ("90m", 5_400),
            ("1h", 3_600),
            ("24h", 86_400),
            ("30d", 2_592_000),
        ] {
            assert_eq!(overlap(text), Ok(seconds), "{text}");
        }
        for text in ["", "1", "h", "-1h", "1.5h", "1 h", "1é", "31d", "99999999999h"] {
            assert!(overlap(text).is_err(), "{text}");
        }
    }
}
