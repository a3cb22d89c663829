//! Initial rows for the tests.

use crate::world::{ADA, World, address};
use account::{Account, AccountId, IssuedCode, Progress, Purpose, Timestamp};
use backend::Fault;
use backend::store::flows::Flow;
use backend::store::{ReadConn, WriteTx, accounts, devices, flows, sessions};

pub const NOW: Timestamp = Timestamp(1_000_000);

/// Whether both queries find Ada's session.
pub async fn is_live(conn: &mut ReadConn, token_digest: &str, now: Timestamp) -> bool {
    let idle = 100;
    let session = sessions::find(conn, token_digest, idle, now).await.unwrap();
    let with_account = accounts::find_by_session(conn, token_digest, idle, now).await.unwrap();
    if let Some((session, stored)) = &with_account {
        assert_eq!((&session.account_id, &stored.account.id), (&id(ADA).0, &id(ADA)));
    }
    assert_eq!(session, with_account.map(|(session, _)| session));
    session.is_some()
}

pub async fn begin(world: &World) -> WriteTx {
    world.backend.db().begin().await.unwrap()
}

pub async fn with_ada(world: &World) -> WriteTx {
    let mut tx = begin(world).await;
    assert!(accounts::insert(&mut tx, &local(ADA), Some("hash"), NOW).await.unwrap());
    tx
}

pub fn id(email: &str) -> AccountId {
    AccountId(format!("id of {email}"))
}

pub fn local(email: &str) -> Account {
    Account {
        id: id(email),
        email: address(email),
        name: "Ada Lovelace".into(),
        preferred_name: String::new(),
        managed_by: None,
        has_password: true,
        issuer: None,
        language: Some("en".into()),
        password_changed_at: None,
        disabled_at: None,
        delete_after: None,
    }
}

/// A flow of Ada's that lasts one second.
pub fn flow(id: &str) -> Flow {
    Flow {
        id: id.into(),
        email: address(ADA),
        account: Some(self::id(ADA)),
        reference: "K7".into(),
        language: "en".into(),
        next_path: "/profile".into(),
        progress: Progress {
            purpose: Purpose::Reset,
            mailbox_first: false,
            codes_sent: 1,
            tries_left: 5,
            password_passed_at: None,
            code_passed_at: None,
            finished_at: None,
            ended_at: None,
            ends_at: NOW.plus_ms(1_000),
        },
        stale_code_allowance: 2,
        code_length: 8,
        resend_at: Timestamp(0),
        version: 1,
        created_at: NOW,
        token_digest: None,
        stepped_up_at: None,
        client: "192.0.2.1".into(),
        known_device: false,
        replaces: None,
        trust: false,
    }
}

/// Stores a flow with another purpose.
pub async fn insert_flow(tx: &mut WriteTx, purpose: Purpose, flow: &Flow) -> Result<(), Fault> {
    let mut flow = flow.clone();
    flow.progress.purpose = purpose;
    flows::insert(tx, &flow).await
}

pub fn code(id: &str, ms: usize) -> IssuedCode {
    let sent_at = NOW.plus_ms(i64::try_from(ms).unwrap());
    IssuedCode {
        id: id.into(),
        digest: format!("digest of {id}"),
        key_id: "k1".into(),
        sent_at,
        expires_at: sent_at.plus_minutes(10),
        superseded_at: None,
    }
}

/// A session of Ada's that lasts one second.
pub fn session(id: &str) -> sessions::Session {
    sessions::Session {
        id: id.into(),
        account_id: self::id(ADA).0,
        browser: "Firefox on Linux".into(),
        client: "192.0.2.1".into(),
        signed_in_at: NOW.0,
        last_seen_at: NOW.0,
        ends_at: NOW.0 + 1_000,
        authenticated_at: NOW.0,
        methods: "password email_code".into(),
    }
}

pub fn device(id: &str, trusted_until: Option<i64>) -> devices::Device {
    devices::Device {
        id: id.into(),
        account_id: self::id(ADA).0,
        browser: "Firefox on Linux".into(),
        trusted_until,
        replaced_at: None,
    }
}
