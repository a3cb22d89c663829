//! Builds the account service from the configuration.

use crate::config::Config;
use account::Secret;
use backend::oauth::Clients;
use backend::oidc::Providers;
use backend::store::Db;
use backend::{Backend, Clock, Dns, Hashing, Keys, LeakedPasswords, Mailer, Parts, Smtp, SystemClock, TrustedRoots};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// Opens the database, creates its folder and tables if they are missing, and returns the service.
///
/// # Errors
/// Returns a message with the cause.
pub async fn backend(config: &Config, keys: impl Into<Keys>) -> Result<Backend, String> {
    let keys = keys.into();
    let clock = Arc::new(SystemClock::default());
    let backend = Backend::new(Parts {
        db: database(config).await?,
        dns: config.dns_server.map_or(Dns::System, Dns::Server),
        providers: providers(config, clock.clone())?,
        clients: clients(config)?,
        clock,
        hashing: Hashing::new(keys.clone(), config.hashes_at_once, config.hashing)
            .map_err(|error| format!("the password hashing threads cannot be started: {}", error.kind()))?,
        keys,
        leaked: leaked(config)?,
        settings: config.settings.clone().into(),
    });
    let silent = |fault| format!("the database does not answer: {fault}");
    backend.refresh_clients().await.map_err(silent)?;
    match backend.upkeep().find_other_key().await.map_err(silent)? {
        None => Ok(backend),
        Some(name) => Err(format!(
            "the key `{name}` in {} is not the one that the database was written with, so no one could sign in. \
             Restore the right key file, or set REKEY_KEY_FILE to its path",
            config.key_file.display()
        )),
    }
}

fn clients(config: &Config) -> Result<Clients, String> {
    let clients = Clients::new(config.clients.clone(), &trusted_roots(config)?);
    let clients = clients.map_err(|wrong| format!("[[clients]]: {wrong}"))?;
    let keys = config.rsa_key_file.as_deref().map(rsa_keys).transpose()?;
    let clients = clients.with_rsa_keys(keys.as_ref());
    let clients = clients.map_err(|wrong| format!("REKEY_RSA_KEY_FILE: {wrong}"))?;
    let clients = clients.with_sites(config.sites.clone(), &config.site_rules);
    clients.map_err(|wrong| format!("[[sites]]: {wrong}"))
}

fn rsa_keys(file: &Path) -> Result<Secret, String> {
    crate::config::secret(file).map_err(|wrong| format!("REKEY_RSA_KEY_FILE: {wrong}"))
}

/// Opens the database and migrates its tables.
///
/// # Errors
/// Returns a message with the cause.
pub async fn database(config: &Config) -> Result<Db, String> {
    let url = database_url(config);
    if let Some(file) = Db::file(url.expose()) {
        folder_of(&file)?;
        for ending in ["", "-wal", "-shm"] {
            let mut name = file.clone().into_os_string();
            name.push(ending);
            private_file(Path::new(&name))?;
        }
    }
    let db = Db::open(url.expose())
        .await
        .map_err(|fault| format!("the database cannot be opened: {fault}"))?;
    db.migrate()
        .await
        .map_err(|fault| format!("the database tables cannot be updated: {fault}"))?;
    Ok(db)
}

/// Creates the folder of a database file if it is missing.
///
/// # Errors
/// Returns a message with the cause.
pub fn folder_of(file: &Path) -> Result<(), String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), private_folder)
}

/// Creates the e-mail transport.
///
/// # Errors
/// Returns a message with the cause.
pub fn mail(config: &Config) -> Result<Mailer, String> {
    if let Some(smtp) = smtp(config)? {
        return Ok(Mailer::Smtp(smtp));
    }
    let folder = Path::new(EMAILS);
    private_folder(folder)?;
    Ok(Mailer::Folder(folder.to_owned()))
}

/// Creates the SMTP client, if a mail server is configured.
///
/// # Errors
/// Returns a message with the cause.
pub fn smtp(config: &Config) -> Result<Option<Smtp>, String> {
    let Some(url) = &config.smtp_url else { return Ok(None) };
    let smtp = Smtp::new(url.expose(), &config.ehlo_name(), &trusted_roots(config)?);
    let smtp = smtp.map_err(|error| format!("REKEY_SMTP_URL or REKEY_SMTP_EHLO_NAME: {}", error.text));
    smtp.map(Some)
}

/// Returns the certificate authorities for verifying all servers.
///
/// # Errors
/// Returns a message with the cause.
pub fn trusted_roots(config: &Config) -> Result<TrustedRoots, String> {
    TrustedRoots::with_file(config.ca_file.as_deref()).map_err(|wrong| format!("REKEY_CA_FILE: {wrong}"))
}

/// Returns the URL of the database. For PostgreSQL, it includes the operator's authorities unless it names others, because the
/// library reads them from the URL.
fn database_url(config: &Config) -> Secret {
    let url = config.database_url.expose();
    let names_its_own = url.contains("sslrootcert=") || url.contains("ssl-root-cert=") || url.contains("ssl-ca=");
    match &config.ca_file {
        Some(file) if url.starts_with("postgres") && !names_its_own => {
            let file = percent_encode(file.as_os_str().as_bytes(), NON_ALPHANUMERIC);
            let sign = if url.contains('?') { '&' } else { '?' };
            format!("{url}{sign}sslrootcert={file}").as_str().into()
        }
        _ => config.database_url.clone(),
    }
}

/// The folder for the e-mails of the development run.
pub const EMAILS: &str = "data/emails";

/// Creates a private folder. Attack: another account on this machine reads the e-mails or the database.
fn private_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("the folder {} cannot be created: {}", folder.display(), error.kind()))
}

/// Makes a file from an earlier release private; its mode came from the shell's umask. Attack: a link to another user's file.
fn private_file(file: &Path) -> Result<(), String> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let shown = file.display();
    let opened = match std::fs::OpenOptions::new().read(true).custom_flags(no_link).open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{shown} cannot be opened: {}", error.kind())),
    };
    let mode = opened.metadata().map(|file| file.permissions().mode());
    match mode.and_then(|mode| match mode & 0o077 {
        0 => Ok(()),
        _ => opened.set_permissions(std::fs::Permissions::from_mode(0o600)),
    }) {
        Ok(()) => Ok(()),
        Err(error) => Err(format!(
            "{shown} can be read by others, and its mode cannot be changed: {}",
            error.kind()
        )),
    }
}

fn providers(config: &Config, clock: Arc<dyn Clock>) -> Result<Providers, String> {
    Providers::new(
        config.providers.clone(),
        &config.origin.text,
        &trusted_roots(config)?,
        clock,
    )
    .map_err(|wrong| format!("[[providers]]: {wrong}"))
}

fn leaked(config: &Config) -> Result<LeakedPasswords, String> {
    match (&config.leaked_file, &config.leaked_range_url) {
        (Some(file), _) => LeakedPasswords::from_file(file)
            .map_err(|error| format!("REKEY_LEAKED_FILE: {} cannot be read: {}", file.display(), error.kind())),
        (None, Some(url)) => LeakedPasswords::range(url, &trusted_roots(config)?)
            .map_err(|wrong| format!("REKEY_LEAKED_RANGE_URL: {wrong}")),
        (None, None) => Ok(LeakedPasswords::Off),
    }
}
