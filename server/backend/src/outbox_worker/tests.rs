use super::*;
use crate::mail_queue::{self, WaitingEmail};
use crate::oidc::Providers;
use crate::store::{Db, Engine};
use crate::{Dns, EngineChoice, Hashing, Keys, LeakedPasswords, Parts, Settings, Smtp, TestClock, TrustedRoots};
use account::{CodeEmail, Email, EmailAddress, FailureCause, Key, Keyring, Notice, Purpose, Request, Timestamp};
use std::path::PathBuf;

const NOON: Timestamp = Timestamp(1_795_521_600_000);

/// A service with its own database file, and an outbox worker.
struct Office {
    backend: Backend,
    clock: Arc<TestClock>,
    folder: PathBuf,
}

impl Office {
    async fn open() -> Self {
        let folder = std::env::temp_dir().join(format!("outbox worker-{}-{}", std::process::id(), random::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let db = Db::open(&format!("sqlite://{}/rekey.db", folder.display()))
            .await
            .unwrap();
        db.migrate().await.unwrap();
        let clock = Arc::new(TestClock::at(NOON));
        let keys = Keys::from(Keyring::new(Key::new("k1".into(), [1; 32]), vec![]));
        let backend = Backend::new(Parts {
            db,
            clock: clock.clone(),
            hashing: Hashing::new(keys.clone(), 1, EngineChoice::Auto).unwrap(),
            keys,
            leaked: LeakedPasswords::Off,
            dns: Dns::System,
            providers: Providers::default(),
            clients: crate::oauth::Clients::default(),
            settings: Settings::default().into(),
        });
        Self { backend, clock, folder }
    }

    async fn write(&self, email: Email) {
        let to = EmailAddress::parse("ada@example.com").unwrap();
        let parts = &self.backend.parts;
        let mut tx = parts.db.begin().await.unwrap();
        outbox::write(&mut tx, &parts.keys, None, &to, "en", &email, self.backend.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.backend.emails_written.notify_one();
    }

    /// The numbers of waiting e-mails and of stored bodies.
    async fn waiting(&self) -> (i64, i64) {
        let Engine::Sqlite(file) = &self.backend.parts.db.engine else {
            panic!("a file")
        };
        sqlx::query_as(
            "SELECT COALESCE(SUM(CASE WHEN sent_at IS NULL AND failed_at IS NULL THEN 1 ELSE 0 END), 0),
                    COALESCE(SUM(CASE WHEN body <> '' THEN 1 ELSE 0 END), 0) FROM outbox",
        )
        .fetch_one(&file.readers)
        .await
        .unwrap()
    }

    async fn queue(&self) -> Vec<WaitingEmail> {
        let parts = &self.backend.parts;
        mail_queue::list(&parts.db, &parts.keys, self.backend.now(), 100)
            .await
            .unwrap()
    }

    fn outbox_worker(&self, mail: &Mailer) -> OutboxWorker {
        OutboxWorker::new(self.backend.clone(), mail.clone())
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn code() -> Email {
    let request = Request {
        reference: "K7".into(),
        asked_at: NOON,
        browser: "Firefox on Linux".into(),
        purpose: Purpose::Reset,
        mailbox_first: false,
    };
    let works_until = NOON.plus_minutes(10);
    Email::Code(CodeEmail {
        purpose: Purpose::Reset,
        code: "01234567".into(),
        works_until,
        request,
    })
}

fn notice() -> Email {
    Email::Notice(Notice::ManyFailures {
        at: NOON,
        cause: FailureCause::Passwords,
    })
}

/// A mail server with a configured answer to one verb.
async fn refusing(verb: &'static str, answer: &'static str) -> Mailer {
    let url = crate::mail::smtp_answering(verb, answer).await;
    Mailer::Smtp(Smtp::new(&url, "accounts.rekey.example", &TrustedRoots::public()).unwrap())
}

fn memory() -> Mailer {
    Mailer::Memory(Arc::default())
}

/// A broken mail server: a folder that can't be created.
fn down() -> Mailer {
    Mailer::Folder("/proc/none".into())
}

#[tokio::test]
async fn an_email_is_sent_once_and_its_body_is_erased() {
    let (office, mail) = (Office::open().await, memory());
    office.write(code()).await;
    assert_eq!(office.outbox_worker(&mail).round().await, 1);
    assert_eq!(office.outbox_worker(&mail).round().await, 0);
    assert_eq!(office.waiting().await, (0, 0));
    let kept = mail.kept(Some("ada@example.com"));
    assert_eq!(kept.len(), 1);
    assert!(kept[0].text.contains("01234567") && kept[0].sent_at == NOON.0);
}

#[tokio::test]
async fn an_email_waits_while_the_mail_server_is_down() {
    let (office, mail) = (Office::open().await, memory());
    office.write(code()).await;
    let broken = office.outbox_worker(&down());
    assert_eq!(broken.round().await, 1);
    assert_eq!(broken.round().await, 0, "not before its next try");
    assert_eq!(office.waiting().await, (1, 1));
    office.clock.advance_ms(2_401);
    assert_eq!(broken.round().await, 1);
    office.clock.advance_ms(4_801);
    assert_eq!(office.outbox_worker(&mail).round().await, 1);
    assert_eq!((mail.kept(None).len(), office.waiting().await), (1, (0, 0)));
}

#[tokio::test]
async fn an_expired_code_is_not_sent() {
    let (office, mail) = (Office::open().await, memory());
    office.write(code()).await;
    office.write(notice()).await;
    office.clock.advance_minutes(10);
    assert_eq!(office.outbox_worker(&mail).round().await, 2);
    assert_eq!(
        (mail.kept(None).len(), office.waiting().await),
        (1, (0, 0)),
        "the notice only"
    );
}

#[tokio::test]
async fn a_notice_fails_after_three_days() {
    let (office, mail) = (Office::open().await, memory());
    office.write(notice()).await;
    office.clock.advance_minutes(3 * 24 * 60);
    office.outbox_worker(&mail).round().await;
    assert_eq!((mail.kept(None).len(), office.waiting().await), (0, (0, 0)));
}

#[tokio::test]
async fn a_permanent_refusal_fails_the_email() {
    let (office, mail) = (Office::open().await, refusing("RCPT", "550 no such user").await);
    office.write(notice()).await;
    assert_eq!(office.outbox_worker(&mail).round().await, 1);
    assert_eq!(office.waiting().await, (0, 0));
}

#[tokio::test]
async fn an_email_with_a_refused_sender_waits_with_the_reason() {
    let (office, mail) = (
        Office::open().await,
        refusing("MAIL", "550 not from noreply@rekey.example").await,
    );
    office.write(code()).await;
    assert_eq!(office.outbox_worker(&mail).round().await, 1);
    let waiting = office.queue().await;
    assert_eq!((waiting.len(), waiting[0].attempts), (1, 1));
    assert_eq!(
        waiting[0].reason.as_deref(),
        Some(
            "the mail server answered 550 to MAIL FROM: it does not accept e-mail from this sender address (not from (address))"
        )
    );
    assert_eq!(waiting[0].kind, Some("reset code"));
    office.clock.advance_ms(2_401);
    let mail = memory();
    office.outbox_worker(&mail).round().await;
    assert_eq!((mail.kept(None).len(), office.queue().await.len()), (1, 0));
}

#[tokio::test]
async fn an_operator_can_retry_a_waiting_email() {
    let office = Office::open().await;
    office.write(notice()).await;
    office.write(notice()).await;
    office.outbox_worker(&down()).round().await;
    let (db, now) = (&office.backend.parts.db, office.backend.now());
    let id = office.queue().await[0].id.clone();
    assert_eq!(mail_queue::retry(db, Some(&id), now).await.unwrap(), 1);
    assert_eq!(mail_queue::retry(db, Some("nothing"), now).await.unwrap(), 0);
    let mail = memory();
    assert_eq!(office.outbox_worker(&mail).round().await, 1, "the other one waits");
    assert_eq!(mail_queue::retry(db, None, now).await.unwrap(), 1);
    assert_eq!(office.outbox_worker(&mail).round().await, 1);
}

/// Otherwise it would be sent twice.
#[tokio::test]
async fn an_email_being_sent_cannot_be_retried() {
    let office = Office::open().await;
    office.write(notice()).await;
    office.outbox_worker(&down()).round().await;
    office.clock.advance_ms(2_401);
    let parts = &office.backend.parts;
    let claimed = outbox::claim(&parts.db, &parts.keys, office.backend.now(), 16)
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(office.queue().await[0].next_at, None);
    for id in [Some(claimed[0].id.as_str()), None] {
        assert_eq!(mail_queue::retry(&parts.db, id, office.backend.now()).await.unwrap(), 0);
    }
    assert_eq!(office.outbox_worker(&memory()).round().await, 0);
}

#[tokio::test]
async fn an_operator_can_drop_emails_and_their_bodies() {
    let office = Office::open().await;
    for _ in 0..3 {
        office.write(code()).await;
    }
    let (db, now) = (&office.backend.parts.db, office.backend.now());
    let id = office.queue().await[0].id.clone();
    assert_eq!(mail_queue::mark_failed(db, Some(&id), now).await.unwrap(), 1);
    assert_eq!(mail_queue::mark_failed(db, Some(&id), now).await.unwrap(), 0);
    assert_eq!(office.waiting().await, (2, 2));
    assert_eq!(mail_queue::mark_failed(db, None, now).await.unwrap(), 2);
    assert_eq!(office.waiting().await, (0, 0));
}

#[tokio::test]
async fn two_workers_never_send_the_same_email() {
    let (office, mail) = (Office::open().await, memory());
    for _ in 0..20 {
        office.write(notice()).await;
    }
    let (one, other) = (office.outbox_worker(&mail), office.outbox_worker(&mail));
    let (a, b) = tokio::join!(one.round(), other.round());
    assert_eq!((a + b, mail.kept(None).len()), (20, 20));
}

#[tokio::test]
async fn an_email_of_a_dead_worker_is_sent_by_another() {
    let (office, mail) = (Office::open().await, memory());
    office.write(code()).await;
    let parts = &office.backend.parts;
    assert_eq!(outbox::claim(&parts.db, &parts.keys, NOON, 16).await.unwrap().len(), 1);
    assert_eq!(office.outbox_worker(&mail).round().await, 0);
    office.clock.advance_minutes(1);
    assert_eq!(office.outbox_worker(&mail).round().await, 1);
}

#[tokio::test]
async fn a_running_worker_sends_new_emails() {
    let (office, mail) = (Office::open().await, memory());
    let running = tokio::spawn(office.outbox_worker(&mail).run());
    for sent in 1..=40 {
        office.write(notice()).await;
        if sent % 8 == 0 {
            tokio::task::yield_now().await;
        }
    }
    while mail.kept(None).len() < 40 || office.waiting().await != (0, 0) {
        tokio::task::yield_now().await;
    }
    running.abort();
    assert_eq!(mail.kept(None).len(), 40);
}

#[tokio::test]
async fn a_worker_survives_a_missing_database() {
    let office = Office::open().await;
    office.backend.parts.db.close().await;
    let outbox_worker = office.outbox_worker(&memory());
    assert_eq!(outbox_worker.round().await, 0);
    assert!(outbox_worker.away.load(Ordering::Relaxed));
}
