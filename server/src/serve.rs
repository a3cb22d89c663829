//! Serves until told to stop.

use crate::assets::Site;
use crate::cli::purpose;
use crate::commands::Failed;
use crate::config::Config;
use crate::http::{self, Parts, Service};
use crate::logs::LogFilter;
use crate::reload::Reload;
use crate::{demo, keys, listen, metrics, start};
use account::Keyring;
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

/// `rekey serve`.
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
    // A unit of systemd with `Type=notify` has started by now (sd_notify(3)); elsewhere nobody listens.
    let _ = notify(&[NotifyState::Ready]);
    if let Some(greeting) = greeting {
        let mut out = std::io::stdout();
        let _ = out.write_all(greeting.as_bytes()).and_then(|()| out.flush());
    }
    let served = listen::run(listener, router, stopping).await;
    // An e-mail that is being sent when this ends is claimed again after a while.
    outbox_worker.abort();
    broom.abort();
    watcher.abort();
    follower.abort();
    reloader.abort();
    told.abort();
    tracing::info!("stopped");
    Ok(served.map_err(|error| format!("the listener failed: {}", error.kind()))?)
}

/// The listener and its address, which has a port also where the system was to choose one.
fn listen_at(key: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    listen::at(address)
        .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
        .map_err(|error| format!("{key}: cannot listen on {address}: {}", error.kind()))
}

/// E-mails must go out as long as the program runs: an outbox worker that fell over is replaced, and so is one whose mail server is another
/// now. What it is sending then is sent.
async fn deliver_emails(backend: Backend, mut mail: watch::Receiver<Mailer>) {
    loop {
        let now = mail.borrow_and_update().clone();
        // Within a task of its own, so that its panic does not end this loop; aborted together with it.
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

/// Takes dead rows away, in small batches so that nobody waits for it, for as long as the program runs.
async fn sweep(backend: Backend) {
    loop {
        let pause = match backend.sweep().await {
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

/// SIGTERM and SIGINT, heard from the moment on that this exists.
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
        // Somebody who asks twice does not want to wait.
        self.next().await;
        std::process::exit(1);
    }
}

/// What the one who started a development run wants to know.
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
            "  {}  {email:<20} {particular}",
            if index == 0 { "Accounts" } else { "        " }
        );
    }
    text.push_str("  Stop      Ctrl+C\n\n");
    text
}
