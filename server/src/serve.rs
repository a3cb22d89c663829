//! Runs the server until it is stopped.

use crate::assets::Site;
use crate::cli::purpose;
use crate::commands::Failed;
use crate::config::Config;
use crate::http::{self, Parts, Service};
use crate::logs::LogFilter;
use crate::reload::Reload;
use crate::{demo, dev, keys, listen, metrics, start};
use account::Keyring;
use backend::oauth::LogoutDelivery;
use backend::store::BATCH;
use backend::{Backend, Mailer, OutboxWorker};
use sd_notify::{NotifyState, notify};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Pause between two looks for changed clients.
const CLIENTS_EVERY: Duration = Duration::from_secs(2);

/// Runs `rekey serve`.
pub async fn run(config: Config, ring: Keyring, log: LogFilter, dev: bool, watch: bool) -> Result<(), Failed> {
    let deaf = |error: std::io::Error| format!("signals cannot be received: {}", error.kind());
    let signals = Signals::hear().map_err(deaf)?;
    let hangup = signal(SignalKind::hangup()).map_err(deaf)?;
    let keys = keys::from_file(&config.key_file, ring);
    let backend = start::backend(&config, keys.clone()).await?;
    let mail = start::mail(&config)?;
    if dev {
        demo::add_demo(&backend).await?;
    }
    let site = Site::find(config.site.as_deref())?;
    let (listener, address) = listen_at("REKEY_LISTEN", config.listen)?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(listen_at("REKEY_METRICS_LISTEN", address)?),
        None => None,
    };
    let (stop, stopping) = watch::channel(false);
    let greeting = dev.then(|| greeting(&config));
    let (mail_now, mail_changes) = watch::channel(mail.clone());
    let outbox_worker = tokio::spawn(deliver_emails(backend.clone(), mail_changes));
    let broom = tokio::spawn(sweep(backend.clone()));
    let registry = tokio::spawn(follow_clients(backend.clone()));
    let logouts = tokio::spawn(LogoutDelivery::new(backend.clone()).run());
    let db = backend.db().clone();
    let watcher = tokio::spawn(async move { db.watch().await });
    let follower = tokio::spawn(keys::follow(keys.clone(), config.key_file.clone()));
    let reload = Reload {
        config: config.clone(),
        purpose: purpose(dev),
        backend: backend.clone(),
        mail: mail_now,
        keys,
        log,
    };
    let reloader = tokio::spawn(reload.run(hangup));
    let service = Service::new(Parts {
        backend,
        mail,
        config,
        site,
        dev,
        watch,
        stopping: stopping.clone(),
    });
    let router = http::router(&service);
    let told = tokio::spawn(signals.told_to_stop(stop));
    tracing::info!(%address, "listening");
    if let Some((listener, address)) = metrics_listener {
        tracing::info!(%address, "serving metrics");
        tokio::spawn(listen::run(listener, metrics::router(&service), stopping.clone()));
    }
    // Report readiness to systemd for units with `Type=notify` (sd_notify(3)); this has no effect elsewhere.
    let _ = notify(&[NotifyState::Ready]);
    if let Some(greeting) = greeting {
        let mut out = std::io::stdout();
        let _ = out.write_all(greeting.as_bytes()).and_then(|()| out.flush());
    }
    let served = listen::run(listener, router, stopping).await;
    // An e-mail that is being sent is claimed again later.
    outbox_worker.abort();
    broom.abort();
    registry.abort();
    logouts.abort();
    watcher.abort();
    follower.abort();
    reloader.abort();
    told.abort();
    tracing::info!("stopped");
    Ok(served.map_err(|error| format!("the listener failed: {}", error.kind()))?)
}

/// Returns the listener and its actual address, even if the system chose the port.
fn listen_at(key: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    listen::at(address)
        .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
        .map_err(|error| format!("{key}: cannot listen on {address}: {}", error.kind()))
}

/// Restarts the outbox worker if it panics, and replaces it if the mail server changes; e-mails being sent at that time are
/// completed.
async fn deliver_emails(backend: Backend, mut mail: watch::Receiver<Mailer>) {
    loop {
        let now = mail.borrow_and_update().clone();
        // A separate task, so that a panic does not end this loop; aborted together with it.
        let mut outbox_worker = JoinSet::new();
        outbox_worker.spawn(OutboxWorker::new(backend.clone(), now).run());
        tokio::select! {
            _ = outbox_worker.join_next() => {
                tracing::error!("e-mail delivery crashed; restarting it");
                sleep(Duration::from_secs(5)).await;
            }
            Ok(()) = mail.changed() => {}
        }
    }
}

/// Deletes expired rows until dropped, in small batches that do not block other writers.
async fn sweep(backend: Backend) {
    loop {
        let pause = match backend.upkeep().sweep().await {
            Ok(gone) if gone >= BATCH => Duration::from_millis(200),
            Ok(_) => Duration::from_secs(60),
            Err(fault) => {
                tracing::warn!(%fault, "expired rows were not deleted");
                Duration::from_secs(60)
            }
        };
        sleep(pause).await;
    }
}

/// Reads changes of the clients in the database until dropped.
async fn follow_clients(backend: Backend) {
    let mut pause = CLIENTS_EVERY;
    loop {
        sleep(pause).await;
        pause = match backend.refresh_clients().await {
            Ok(changed) => {
                if let Some(clients) = changed {
                    tracing::info!(clients, "the clients of the database have changed");
                }
                CLIENTS_EVERY
            }
            Err(fault) => {
                tracing::warn!(%fault, "changes of clients cannot be read; the previous clients stay");
                5 * CLIENTS_EVERY
            }
        };
    }
}

/// SIGTERM and SIGINT, received from the creation of this value on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn hear() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    async fn told_to_stop(mut self, stop: watch::Sender<bool>) {
        let signal = self.next().await;
        tracing::info!(signal, "stopping");
        let _ = notify(&[NotifyState::Stopping]);
        let _ = stop.send(true);
        // A second signal ends the process at once.
        self.next().await;
        std::process::exit(1);
    }
}

/// Returns the start-up message of a development run.
fn greeting(config: &Config) -> String {
    let origin = &config.origin.text;
    let mut text = format!("\n  Open      {origin}/signin\n");
    if config.smtp_url.is_none() {
        let _ = writeln!(
            text,
            "  E-mails   {origin}/dev/emails  (and the folder {})",
            start::EMAILS
        );
    } else {
        let _ = writeln!(text, "  E-mails   are sent to REKEY_SMTP_URL");
    }
    let _ = writeln!(text, "  Password  {}", demo::PASSWORD);
    for (index, (email, _, particular)) in demo::DEMO.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {}  {email:<23} {particular}",
            if index == 0 { "Accounts" } else { "        " }
        );
    }
    if config.clients.contains(&dev::sample_product()) {
        let at = dev::SAMPLE_PRODUCT;
        let _ = writeln!(text, "  Product   {at}  (runs beside make run; alone: make product)");
    }
    text.push_str("  Stop      Ctrl+C\n\n");
    text
}
