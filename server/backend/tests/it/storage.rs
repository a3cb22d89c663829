//! The storage contract: every public function of `store/`, on both databases, with what its callers rely on.

use crate::world::{ADA, GRACE, World, address, organization};
use account::{
    Account, AccountId, AccountKind, ActivityKind, Attempts, CodeCounter, Email, FailureCause, IssuedCode, Notice,
    Purpose, Timestamp, WaitingFlow,
};
use backend::store::email_turns::{self, Turn};
use backend::store::events::Actor;
use backend::store::flows::Flow;
use backend::store::limits::Rule;
use backend::store::{
    Db, Server, Tx, account_changes, accounts, backup, codes, devices, events, flows, key_checks, limits, mail_queue,
    outbox, sessions, throttles, waiting,
};
use backend::{Caller, Fault};
use sqlx::AssertSqlSafe;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

const NOW: Timestamp = Timestamp(1_000_000);

/// What is not tried here is not known to work on both databases.
#[test]
fn every_public_function_of_the_store_is_tried_here() {
    let this = include_str!("storage.rs");
    let store = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut seen = 0;
    for file in store.read_dir().unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let source = std::fs::read_to_string(&path).unwrap();
        for after in source.split("pub async fn ").skip(1) {
            let name = after.split(['(', '<']).next().unwrap();
            let call = if ["db", "writer"].contains(&module.as_str()) {
                format!("{name}(")
            } else {
                format!("{module}::{name}(")
            };
            assert!(this.contains(&call), "{module}::{name} is not tried on both databases");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// What a failover leaves behind, and what an operator switches on and off while connections are open.
#[apply(on_both!)]
async fn a_database_that_takes_no_writes_is_not_ready(world: &World) {
    let db = world.backend.db();
    let Db::Postgres {
        server: Server { pool, .. },
        ..
    } = db
    else {
        let mut watch = pin!(db.watch());
        assert!(timeout(Duration::from_millis(1), &mut watch).await.is_err());
        return db.ping().await.unwrap();
    };
    let changes = async {
        let mut operator = pool.acquire().await.unwrap().detach();
        let database = "SELECT current_database()";
        let database: String = sqlx::query_scalar(database).fetch_one(&mut operator).await.unwrap();
        for (read_only, ready) in [(true, false), (false, true)] {
            let change = format!("ALTER DATABASE {database} SET default_transaction_read_only = {read_only}");
            sqlx::raw_sql(AssertSqlSafe(change))
                .execute(&mut operator)
                .await
                .unwrap();
            while db.ping().await.is_ok() != ready {
                tokio::task::yield_now().await;
            }
            assert_eq!(db.begin().await.is_ok(), ready);
        }
        // Nobody is left with a connection from then.
        let mut tx = db.begin().await.unwrap();
        accounts::insert(&mut tx, &local(ADA), None, NOW).await.unwrap();
        tx.commit().await.unwrap();
    };
    tokio::select! {
        () = db.watch() => unreachable!(),
        () = changes => {}
    }
}

/// An operator goes back to the release before.
#[apply(on_both!)]
async fn a_program_runs_on_the_tables_of_the_next_release(world: &World) {
    const NEXT: &str =
        "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time
                          FROM _sqlx_migrations WHERE version = 1";
    let mut tx = world.backend.db().begin().await.unwrap();
    match &mut tx {
        Tx::Sqlite(tx) => drop(sqlx::query(NEXT).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::query(NEXT).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
    world.backend.db().migrate().await.unwrap();
    assert!(world.backend.db().migrate_strictly().await.is_err());
}

#[apply(on_both!)]
async fn a_database_begins_commits_rolls_back_and_closes(world: &World) {
    let db = world.database.open().await;
    db.migrate().await.unwrap();
    db.ping().await.unwrap();
    for (synced, last) in [(true, false), (false, false), (true, true)] {
        let begun = if synced {
            db.begin().await
        } else {
            db.begin_unsynced().await
        };
        let mut tx = begun.unwrap();
        accounts::insert(&mut tx, &local(ADA), None, NOW).await.unwrap();
        if last {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let mut tx = db.read().await.unwrap();
        assert_eq!(accounts::find(&mut tx, &id(ADA)).await.unwrap().is_some(), last);
    }
    let mut tx = db.write().await.unwrap();
    accounts::set_language(&mut tx, &id(ADA), "ar").await.unwrap();
    drop(tx);
    let stored = accounts::find(&mut db.read().await.unwrap(), &id(ADA))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        stored.account.language.as_deref(),
        Some("ar"),
        "a statement is whole by itself"
    );
    if let Db::Sqlite { writer, .. } = &db {
        drop(writer.hold().await.unwrap());
    }
    db.close().await;
    assert!(db.ping().await.is_err() && db.begin().await.is_err());
    assert!(Db::open("postgres://rekey@127.0.0.1:1/nowhere").await.is_err());
}

/// Statements that give nothing back go to the database together.
#[apply(on_both!)]
async fn what_waits_keeps_its_order(world: &World) {
    let (db, keys, ada) = (world.backend.db(), &world.keys, address(ADA));
    let mut tx = db.begin().await.unwrap();
    let message = Email::Notice(Notice::ManyFailures {
        at: NOW,
        cause: FailureCause::Passwords,
    });
    flows::insert(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    outbox::write(&mut tx, keys, Some("f"), &ada, "en", &message, NOW)
        .await
        .unwrap();
    outbox::drop_unsent(&mut tx, "f", NOW).await.unwrap();
    outbox::write(&mut tx, keys, Some("f"), &ada, "en", &message, NOW.plus_ms(1))
        .await
        .unwrap();
    codes::issue(&mut tx, Purpose::Reset, &ada, "f", &code("old", 0))
        .await
        .unwrap();
    codes::supersede_in(&mut tx, "f", NOW.plus_ms(1)).await.unwrap();
    codes::issue(&mut tx, Purpose::Reset, &ada, "f", &code("new", 1))
        .await
        .unwrap();
    flows::end(&mut tx, "f", NOW.plus_ms(5)).await.unwrap();
    flows::end(&mut tx, "f", NOW.plus_ms(9)).await.unwrap();
    throttles::count(&mut tx, "lane", NOW).await.unwrap();
    throttles::clear(&mut tx, "lane").await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = db.read().await.unwrap();
    let ended = flows::find(&mut tx, "f", Purpose::Reset).await.unwrap().unwrap();
    assert_eq!(
        (ended.ended_at, ended.version),
        (Some(NOW.0 + 5), flow("f").version + 1)
    );
    let codes = codes::of_flow(&mut tx, "f").await.unwrap();
    let live: Vec<_> = codes.iter().filter(|code| code.superseded_at.is_none()).collect();
    assert_eq!((codes.len(), live.len(), live[0].id.as_str()), (2, 1, "new"));
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(throttles::count(&mut tx, "lane", NOW).await.unwrap(), 1);
    drop(tx);
    let claimed = outbox::claim(db, keys, NOW.plus_ms(9), 9).await.unwrap();
    assert_eq!(
        claimed.iter().map(|message| message.written_at).collect::<Vec<_>>(),
        [NOW.plus_ms(1)]
    );
}

#[apply(on_both!)]
async fn accounts_are_kept(world: &World) {
    let mut tx = begin(world).await;
    let managed = Account {
        kind: AccountKind::Managed(organization()),
        ..local(GRACE)
    };
    assert!(accounts::insert(&mut tx, &local(ADA), Some("hash"), NOW).await.unwrap());
    assert!(accounts::insert(&mut tx, &managed, None, NOW).await.unwrap());
    let twin = Account {
        id: AccountId("another".into()),
        ..local(ADA)
    };
    assert!(!accounts::insert(&mut tx, &twin, Some("hash 2"), NOW).await.unwrap());
    assert_eq!(
        accounts::find_by_email(&mut tx, &address(GRACE))
            .await
            .unwrap()
            .unwrap()
            .account,
        managed
    );
    let people = accounts::list(&mut tx, "", 10).await.unwrap();
    assert_eq!(
        people.iter().map(|person| person.email.as_str()).collect::<Vec<_>>(),
        [ADA, GRACE]
    );
    assert_eq!(accounts::list(&mut tx, ADA, 10).await.unwrap().len(), 1);
    for (after, password) in [("", Some("hash")), (&id(ADA).0, Some("hash")), (&id(GRACE).0, None)] {
        let next = accounts::password_of_next(&mut tx, &AccountId(after.into()))
            .await
            .unwrap();
        assert_eq!(next.as_deref(), password, "{after}");
    }
    assert_eq!(accounts::list(&mut tx, "", 1).await.unwrap().len(), 1);

    accounts::hold(&mut tx, &id(ADA)).await.unwrap();
    accounts::upgrade_hash(&mut tx, &id(ADA), "not the hash", "hash 3")
        .await
        .unwrap();
    assert_eq!(hash(&mut tx).await.as_deref(), Some("hash"));
    accounts::upgrade_hash(&mut tx, &id(ADA), "hash", "hash 3")
        .await
        .unwrap();
    assert_eq!(hash(&mut tx).await.as_deref(), Some("hash 3"));
    accounts::mark_unchecked(&mut tx, &id(ADA), NOW).await.unwrap();
    assert!(accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap().unchecked);
    accounts::mark_checked(&mut tx, &id(ADA)).await.unwrap();
    accounts::set_language(&mut tx, &id(ADA), "ar").await.unwrap();
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW)).await.unwrap();
    let stored = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap();
    assert!(!stored.unchecked && stored.account.disabled_at == Some(NOW));
    assert_eq!(stored.account.language.as_deref(), Some("ar"));
    accounts::set_managed(&mut tx, &id(ADA), &organization(), NOW)
        .await
        .unwrap();
    let stored = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap();
    assert_eq!(
        (stored.account.kind, stored.password),
        (AccountKind::Managed(organization()), None)
    );
}

#[apply(on_both!)]
async fn many_accounts_are_made_at_once(world: &World) {
    let mut tx = with_ada(world).await;
    let row = |email: &str, name: &str, unchecked: bool| {
        let stored = accounts::Stored {
            account: Account {
                id: AccountId(format!("{name} of {email}")),
                name: name.into(),
                ..local(email)
            },
            password: unchecked.then(|| "hash".to_owned()),
            unchecked,
        };
        (stored, Some(Timestamp(5)).filter(|_| unchecked))
    };
    let rows = [
        row(ADA, "Twin", true),
        row(GRACE, "Grace", true),
        row(GRACE, "Twin", false),
        row("new@example.com", "New", false),
    ];
    let mut made = accounts::insert_all(&mut tx, &rows, NOW).await.unwrap();
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let ids = [&rows[1], &rows[3]].map(|(stored, _)| stored.account.id.clone());
    assert_eq!(made, ids);
    assert!(accounts::insert_all(&mut tx, &rows, NOW).await.unwrap().is_empty());
    assert!(accounts::insert_all(&mut tx, &[], NOW).await.unwrap().is_empty());
    let grace = accounts::find(&mut tx, &ids[0]).await.unwrap().unwrap();
    assert_eq!(grace.account, rows[1].0.account);
    assert!(grace.unchecked && grace.password.as_deref() == Some("hash"));
    let new = accounts::find(&mut tx, &ids[1]).await.unwrap().unwrap();
    assert!(!new.unchecked && new.password.is_none());
}

/// Properties 5 and 8.
#[apply(on_both!)]
async fn a_password_is_set_by_a_redeemed_proof_only(world: &World) {
    let mut tx = with_ada(world).await;
    assert!(flows::redeem(&mut tx, "f", NOW).await.unwrap().is_none());
    flows::insert(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    assert!(flows::redeem(&mut tx, "f", NOW).await.unwrap().is_none());
    assert!(flows::pass_code(&mut tx, "f", NOW).await.unwrap());
    let (_, proof) = flows::redeem(&mut tx, "f", NOW).await.unwrap().unwrap();
    assert!(flows::redeem(&mut tx, "f", NOW).await.unwrap().is_none());
    assert!(
        accounts::set_password(&mut tx, &proof, "hash 2", true, NOW)
            .await
            .unwrap()
    );
    let stored = accounts::find(&mut tx, &id(ADA)).await.unwrap().unwrap();
    assert_eq!((stored.password.as_deref(), stored.unchecked), (Some("hash 2"), true));
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW)).await.unwrap();
    assert!(
        !accounts::set_password(&mut tx, &proof, "hash 3", false, NOW)
            .await
            .unwrap()
    );
    accounts::set_disabled(&mut tx, &id(ADA), None).await.unwrap();
    accounts::set_managed(&mut tx, &id(ADA), &organization(), NOW)
        .await
        .unwrap();
    assert!(
        !accounts::set_password(&mut tx, &proof, "hash 3", false, NOW)
            .await
            .unwrap()
    );
    assert_eq!(hash(&mut tx).await, None);
}

/// Properties 2, 3, 11.
#[apply(on_both!)]
async fn flows_move_forward_only(world: &World) {
    let mut tx = with_ada(world).await;
    let (end, late) = (NOW.plus_ms(999), NOW.plus_ms(1_000));
    flows::insert(
        &mut tx,
        Purpose::SignIn,
        &Flow {
            codes_sent: 0,
            ..flow("s")
        },
    )
    .await
    .unwrap();
    assert!(flows::find(&mut tx, "s", Purpose::Reset).await.unwrap().is_none());
    assert!(
        flows::find(&mut tx, "s", Purpose::SignIn)
            .await
            .unwrap()
            .unwrap()
            .is_live(end)
    );
    assert!(spend_try(&mut tx, "s", Purpose::SignIn, NOW).await.unwrap().is_none());
    assert!(
        flows::take_send(&mut tx, "s", Purpose::SignIn, 30, NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert!(!flows::finish_without_code(&mut tx, "s", NOW).await.unwrap());
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW)).await.unwrap();
    for (verified, at, on, passes) in [
        ("hash", NOW, false, false),
        ("another hash", NOW, true, false),
        ("hash", late, true, false),
        ("hash", NOW, true, true),
        ("hash", NOW, true, false),
    ] {
        if on {
            accounts::set_disabled(&mut tx, &id(ADA), None).await.unwrap();
        }
        let passed = flows::pass_password(&mut tx, "s", &id(ADA), verified, at).await;
        assert_eq!(passed.unwrap().is_some(), passes, "{verified} at {at:?}, on: {on}");
    }
    let sent = flows::take_send(&mut tx, "s", Purpose::SignIn, 30, NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((sent.codes_sent, sent.resend_at), (1, NOW.plus_seconds(30).0));
    assert!(
        flows::take_send(&mut tx, "s", Purpose::SignIn, 30, end)
            .await
            .unwrap()
            .is_none()
    );

    assert!(spend_try(&mut tx, "s", Purpose::SignIn, late).await.unwrap().is_none());
    assert!(spend_try(&mut tx, "s", Purpose::Reset, NOW).await.unwrap().is_none());
    for tries_left in (0..5).rev() {
        let spent = spend_try(&mut tx, "s", Purpose::SignIn, end).await.unwrap().unwrap();
        assert_eq!(spent.tries_left, tries_left);
    }
    assert!(spend_try(&mut tx, "s", Purpose::SignIn, NOW).await.unwrap().is_none());
    for given_back in [1, 2, 2] {
        flows::give_try_back(&mut tx, "s").await.unwrap();
        assert_eq!(
            flows::find(&mut tx, "s", Purpose::SignIn)
                .await
                .unwrap()
                .unwrap()
                .tries_left,
            given_back
        );
    }
    assert!(
        flows::finish(&mut tx, "s", Purpose::SignIn, NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert!(flows::pass_code(&mut tx, "s", NOW).await.unwrap());
    assert!(!flows::pass_code(&mut tx, "s", NOW).await.unwrap());
    flows::set_next(&mut tx, "s", "/security").await.unwrap();
    assert!(
        flows::finish(&mut tx, "s", Purpose::Reset, NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        flows::finish(&mut tx, "s", Purpose::SignIn, NOW)
            .await
            .unwrap()
            .unwrap()
            .next_path,
        "/security"
    );
    assert!(
        flows::finish(&mut tx, "s", Purpose::SignIn, NOW)
            .await
            .unwrap()
            .is_none()
    );

    for one in ["a", "b", "c"] {
        flows::insert(&mut tx, Purpose::Reset, &flow(one)).await.unwrap();
    }
    let (sends, waits, used_up) = (
        flow("x"),
        Flow {
            resend_at: NOW.0 + 1,
            ..flow("x")
        },
        Flow {
            codes_sent: 6,
            ..flow("x")
        },
    );
    assert_eq!(
        [sends, waits, used_up].map(|flow| flow.may_send(NOW)),
        [true, false, false]
    );
    flows::end(&mut tx, "a", NOW).await.unwrap();
    assert!(
        !flows::find(&mut tx, "a", Purpose::Reset)
            .await
            .unwrap()
            .unwrap()
            .is_live(NOW)
    );
    // Whoever has proven nothing is told nothing.
    assert!(flows::pass_code(&mut tx, "b", NOW).await.unwrap());
    assert_eq!(flows::end_proven(&mut tx, &address(ADA), NOW).await.unwrap(), ["b"]);
    let waiting = flows::find(&mut tx, "c", Purpose::Reset).await.unwrap().unwrap();
    assert_eq!((waiting.ended_at, waiting.version), (None, flow("c").version));
    assert!(spend_try(&mut tx, "b", Purpose::Reset, NOW).await.unwrap().is_none());
}

/// Property 18.
#[apply(on_both!)]
async fn a_sign_in_may_ask_for_the_code_first(world: &World) {
    let mut tx = with_ada(world).await;
    let mut begun = flow("m");
    (begun.codes_sent, begun.account_id) = (0, None);
    flows::insert(&mut tx, Purpose::SignIn, &begun).await.unwrap();
    for asked in [true, false] {
        let done = flows::ask_mailbox_first(&mut tx, "m", Some(&id(ADA)), "ar", NOW).await;
        assert_eq!(done.unwrap(), asked);
    }
    let passed = flows::pass_password(&mut tx, "m", &id(ADA), "hash", NOW).await;
    assert!(passed.unwrap().is_none(), "the code comes first");
    assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), None);
    flows::take_send(&mut tx, "m", Purpose::SignIn, 30, NOW)
        .await
        .unwrap()
        .unwrap();
    flows::spend_try(&mut tx, "m", Purpose::SignIn, "m", NOW, NOW)
        .await
        .unwrap()
        .unwrap();
    assert!(flows::pass_code(&mut tx, "m", NOW).await.unwrap());
    let finished = flows::finish(&mut tx, "m", Purpose::SignIn, NOW).await.unwrap();
    assert!(finished.is_none(), "a code without a password signs nobody in");
    flows::ask_password(&mut tx, "m", true).await.unwrap();
    for left in [4, 3, 2, 1, 0] {
        assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), Some(left));
    }
    assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), None);
    flows::give_password_back(&mut tx, "m").await.unwrap();
    assert_eq!(flows::spend_password(&mut tx, "m", NOW, NOW).await.unwrap(), Some(0));
    let passed = flows::pass_password(&mut tx, "m", &id(ADA), "hash", NOW).await;
    let passed = passed.unwrap().unwrap();
    assert_eq!((passed.trust, passed.language.as_str()), (1, "ar"));
    assert!(flows::finish_without_code(&mut tx, "m", NOW).await.unwrap());
}

/// Properties 2 and 5.
#[apply(on_both!)]
async fn codes_are_superseded_and_used_once(world: &World) {
    let mut tx = with_ada(world).await;
    let ada = address(ADA);
    for (number, (purpose, one)) in [(Purpose::Reset, "a"), (Purpose::SignIn, "b"), (Purpose::Reset, "c")]
        .into_iter()
        .enumerate()
    {
        flows::insert(&mut tx, purpose, &flow(one)).await.unwrap();
        codes::issue(&mut tx, purpose, &ada, one, &code(one, number))
            .await
            .unwrap();
    }
    codes::supersede_in(&mut tx, "b", NOW.plus_ms(3)).await.unwrap();
    codes::issue(&mut tx, Purpose::SignIn, &address(GRACE), "b", &code("d", 3))
        .await
        .unwrap();
    let superseded = |codes: Vec<IssuedCode>| codes.into_iter().map(|code| code.superseded_at).collect::<Vec<_>>();
    assert_eq!(
        superseded(codes::of_flow(&mut tx, "a").await.unwrap()),
        [None],
        "by no code of another flow"
    );
    assert_eq!(
        superseded(codes::of_flow(&mut tx, "b").await.unwrap()),
        [None, Some(NOW.plus_ms(3))]
    );
    let newest_first = codes::of_flow(&mut tx, "b").await.unwrap();
    assert_eq!(
        newest_first.iter().map(|code| code.id.as_str()).collect::<Vec<_>>(),
        ["d", "b"]
    );
    assert!(!codes::mark_used(&mut tx, "b", NOW).await.unwrap());
    assert!(codes::mark_used(&mut tx, "c", NOW).await.unwrap());
    assert!(!codes::mark_used(&mut tx, "c", NOW).await.unwrap());
    codes::supersede(&mut tx, &ada, NOW).await.unwrap();
    assert_eq!(superseded(codes::of_flow(&mut tx, "a").await.unwrap()), [Some(NOW)]);
    assert_eq!(
        superseded(codes::of_flow(&mut tx, "b").await.unwrap()),
        [None, Some(NOW.plus_ms(3))],
        "the newest is of another address"
    );
    assert_eq!(superseded(codes::of_flow(&mut tx, "c").await.unwrap()), [None]);
}

/// Property 4.
#[apply(on_both!)]
async fn wrong_codes_of_a_day_are_counted(world: &World) {
    let mut tx = begin(world).await;
    let (ada, hour) = (address(ADA), 3_600_000);
    let start = Timestamp(100 * hour + 1_000);
    for hours in [0, 0, 5, 24] {
        codes::count_wrong(&mut tx, CodeCounter::Anyone, &ada, start.plus_ms(hours * hour))
            .await
            .unwrap();
    }
    codes::take_turn(&mut tx, CodeCounter::Anyone, &ada).await.unwrap();
    codes::take_turn(&mut tx, CodeCounter::Anyone, &ada).await.unwrap();
    for (counter, email, hours, wrong) in [
        (CodeCounter::Anyone, ADA, 0, 4),
        (CodeCounter::Anyone, ADA, 24, 4),
        (CodeCounter::Anyone, ADA, 25, 2),
        (CodeCounter::Anyone, ADA, 49, 0),
        (CodeCounter::AfterPassword, ADA, 0, 0),
        (CodeCounter::Anyone, GRACE, 0, 0),
    ] {
        let now = start.plus_ms(hours * hour);
        let seen = waiting::find(&mut tx, counter, &address(email), now, now)
            .await
            .unwrap();
        assert_eq!(seen.wrong_codes, wrong, "{counter:?} {email} after {hours} h");
    }
    let hours = |hours: i64| Timestamp(hours * hour);
    assert_eq!(codes::prune_wrong(&mut tx, hours(100)).await.unwrap(), 0);
    assert_eq!(codes::prune_wrong(&mut tx, hours(101)).await.unwrap(), 1);
}

/// Property 29.
#[apply(on_both!)]
async fn waiting_flows_are_found_by_address_and_counter(world: &World) {
    let mut tx = with_ada(world).await;
    let another = |id: &str, change: fn(&mut Flow)| {
        let mut flow = flow(id);
        change(&mut flow);
        flow
    };
    for flow in [
        another("later", |flow| flow.created_at += 1),
        another("first", |_| ()),
        another("no code yet", |flow| flow.codes_sent = 0),
        another("used up", |flow| flow.tries_left = 0),
        another("over", |flow| flow.ends_at = NOW.0),
        another("Grace's", |flow| flow.email = GRACE.into()),
        another("answered", |_| ()),
        another("ended", |_| ()),
    ] {
        flows::insert(&mut tx, Purpose::Reset, &flow).await.unwrap();
    }
    flows::pass_code(&mut tx, "answered", NOW).await.unwrap();
    flows::end(&mut tx, "ended", NOW).await.unwrap();
    let sign_in = another("after the password", |_| ());
    let mailbox_first = another("mailbox first", |flow| {
        (flow.mailbox_first, flow.created_at) = (1, NOW.0 + 2)
    });
    for flow in [&sign_in, &mailbox_first] {
        flows::insert(&mut tx, Purpose::SignIn, flow).await.unwrap();
    }
    let sign_up = another("sign-up", |_| ());
    flows::insert(&mut tx, Purpose::SignUp, &sign_up).await.unwrap();
    flows::set_code(
        &mut tx,
        &Flow {
            digits: 10,
            known_device: 1,
            ..flow("first")
        },
    )
    .await
    .unwrap();
    for (counter, ids) in [
        (
            CodeCounter::Anyone,
            &["answered", "first", "later", "mailbox first"][..],
        ),
        (CodeCounter::AfterPassword, &["after the password"]),
        (CodeCounter::SignUp, &["sign-up"]),
    ] {
        let found = waiting::find(&mut tx, counter, &address(ADA), NOW, NOW).await.unwrap();
        assert_eq!(found.account.unwrap().account.id, id(ADA));
        let waiting = found.flows;
        assert_eq!(waiting.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>(), ids);
        if counter == CodeCounter::Anyone {
            let first = WaitingFlow {
                id: "first".into(),
                client: "192.0.2.1".into(),
                known_device: true,
                tries_left: 5,
                digits: 10,
                has_passed: false,
                created_at: NOW,
            };
            assert_eq!(waiting[1], first);
            assert!(
                waiting[0].has_passed && waiting[0].tries_left == 6,
                "with the try of the right code"
            );
        }
    }
    flows::stop_counting(&mut tx, "answered").await.unwrap();
    let found = waiting::find(&mut tx, CodeCounter::Anyone, &address(ADA), NOW, NOW)
        .await
        .unwrap();
    assert_eq!(found.flows.len(), 3);
}

#[apply(on_both!)]
async fn devices_are_trusted_and_not(world: &World) {
    let mut tx = with_ada(world).await;
    let device = |id: &str, trusted_until| devices::Device {
        id: id.into(),
        account_id: self::id(ADA).0,
        browser: "b".into(),
        trusted_until,
        replaced_at: None,
    };
    devices::insert(&mut tx, "digest a", &device("a", Some(NOW.0 + 1)), NOW)
        .await
        .unwrap();
    devices::insert(&mut tx, "digest b", &device("b", None), NOW)
        .await
        .unwrap();
    assert_eq!(
        devices::find(&mut tx, "digest a", &id(ADA)).await.unwrap().unwrap().id,
        "a"
    );
    assert!(devices::find(&mut tx, "digest a", &id(GRACE)).await.unwrap().is_none());
    assert_eq!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().len(), 1);
    assert_eq!(
        devices::trusted(&mut tx, &id(ADA), NOW.plus_ms(1)).await.unwrap().len(),
        0
    );
    let tomorrow = NOW.plus_days(1);
    assert!(!devices::set_trust(&mut tx, &id(GRACE), "b", tomorrow).await.unwrap());
    assert_eq!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().len(), 1);
    assert!(devices::set_trust(&mut tx, &id(ADA), "b", tomorrow).await.unwrap());
    assert!(!devices::set_trust(&mut tx, &id(ADA), "b", tomorrow).await.unwrap());
    assert_eq!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().len(), 2);
    assert!(!devices::forget(&mut tx, &id(GRACE), "b").await.unwrap());
    assert!(devices::forget(&mut tx, &id(ADA), "b").await.unwrap());
    assert!(!devices::forget(&mut tx, &id(ADA), "b").await.unwrap());
    assert!(devices::find(&mut tx, "digest b", &id(ADA)).await.unwrap().is_none());
    devices::insert(&mut tx, "digest c", &device("c", None), NOW)
        .await
        .unwrap();
    devices::forget_all_but(&mut tx, &id(GRACE), "").await.unwrap();
    devices::forget_all_but(&mut tx, &id(ADA), "c").await.unwrap();
    assert!(devices::find(&mut tx, "digest a", &id(ADA)).await.unwrap().is_none());
    assert!(devices::find(&mut tx, "digest c", &id(ADA)).await.unwrap().is_some());
}

/// Property 31.
#[apply(on_both!)]
async fn a_devices_token_is_replaced(world: &World) {
    let mut tx = with_ada(world).await;
    let device = devices::Device {
        id: "a".into(),
        account_id: id(ADA).0,
        browser: "b".into(),
        trusted_until: Some(NOW.0 + 1),
        replaced_at: None,
    };
    devices::insert(&mut tx, "one", &device, NOW).await.unwrap();
    devices::replace_token(&mut tx, "a", "two", "one", NOW.plus_ms(7))
        .await
        .unwrap();
    // Sent twice, it changes nothing.
    devices::replace_token(&mut tx, "a", "two", "one", NOW.plus_ms(9))
        .await
        .unwrap();
    let mut replaced_at = Vec::new();
    for digest in ["one", "two"] {
        let found = devices::find(&mut tx, digest, &id(ADA)).await.unwrap().unwrap();
        replaced_at.push(found.replaced_at);
    }
    assert_eq!(replaced_at, [Some(NOW.0 + 7), None]);
    // One further back is known, too.
    devices::replace_token(&mut tx, "a", "three", "two", NOW.plus_ms(9))
        .await
        .unwrap();
    let found = devices::find(&mut tx, "one", &id(ADA)).await.unwrap().unwrap();
    assert_eq!(found.replaced_at, Some(NOW.0 + 7));
    assert!(!devices::distrust(&mut tx, "a", "three").await.unwrap());
    assert!(devices::distrust(&mut tx, "a", "one").await.unwrap());
    assert!(!devices::distrust(&mut tx, "a", "one").await.unwrap());
    assert!(devices::find(&mut tx, "one", &id(ADA)).await.unwrap().is_none());
    let found = devices::find(&mut tx, "two", &id(ADA)).await.unwrap().unwrap();
    assert_eq!((found.trusted_until, found.replaced_at), (None, Some(NOW.0 + 9)));
    devices::replace_token(&mut tx, "a", "four", "three", NOW.plus_ms(11))
        .await
        .unwrap();
    assert_eq!(devices::prune_tokens(&mut tx, NOW.plus_ms(9)).await.unwrap(), 0);
    assert_eq!(devices::prune_tokens(&mut tx, NOW.plus_ms(10)).await.unwrap(), 1);
    assert!(devices::find(&mut tx, "two", &id(ADA)).await.unwrap().is_none());
    assert_eq!(devices::prune(&mut tx, NOW.plus_ms(11)).await.unwrap(), 0);
    assert_eq!(devices::prune(&mut tx, NOW.plus_ms(12)).await.unwrap(), 1);
    assert_eq!(devices::date_unknown_use(&mut tx, NOW).await.unwrap(), 0);
}

/// Property 31.
#[apply(on_both!)]
async fn a_flow_goes_on_under_another_token(world: &World) {
    let mut tx = with_ada(world).await;
    flows::insert(&mut tx, Purpose::Reset, &flow("one")).await.unwrap();
    assert!(flows::pass_code(&mut tx, "one", NOW).await.unwrap());
    flows::step_up(&mut tx, "one", "two", NOW).await.unwrap();
    for (digest, held) in [("one", false), ("two", true)] {
        let found = flows::find(&mut tx, digest, Purpose::Reset).await.unwrap().unwrap();
        assert_eq!((found.id.as_str(), found.is_held_by(digest)), ("one", held));
    }
    assert!(flows::find(&mut tx, "two", Purpose::SignIn).await.unwrap().is_none());
    // With the token before, a code is judged once more for a while; with the new one no code is waited for.
    let (since, past) = (NOW.plus_ms(-1), NOW);
    for (digest, since, judged) in [("one", past, false), ("two", since, false), ("one", since, true)] {
        let spent = flows::spend_try(&mut tx, "one", Purpose::Reset, digest, since, NOW).await;
        assert_eq!(spent.unwrap().is_some(), judged, "{digest}");
    }
}

#[apply(on_both!)]
async fn sessions_are_kept_and_ended(world: &World) {
    let mut tx = with_ada(world).await;
    for one in ["a", "b", "c"] {
        sessions::insert(&mut tx, &format!("digest {one}"), &session(one))
            .await
            .unwrap();
    }
    assert!(!is_live(&mut tx, "a", NOW).await);
    assert!(is_live(&mut tx, "digest a", NOW.plus_ms(99)).await);
    assert!(!is_live(&mut tx, "digest a", NOW.plus_ms(100)).await);
    sessions::touch(&mut tx, "a", NOW.plus_ms(950)).await.unwrap();
    sessions::touch(&mut tx, "a", NOW.plus_ms(900)).await.unwrap();
    assert!(is_live(&mut tx, "digest a", NOW.plus_ms(999)).await);
    assert!(!is_live(&mut tx, "digest a", NOW.plus_ms(1_000)).await);
    let of_ada = sessions::of_account(&mut tx, &id(ADA), 1_000, NOW).await.unwrap();
    assert_eq!(
        of_ada.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert!(!sessions::end(&mut tx, &id(GRACE), "a").await.unwrap());
    assert!(sessions::end(&mut tx, &id(ADA), "a").await.unwrap());
    assert!(!sessions::end(&mut tx, &id(ADA), "a").await.unwrap());
    assert_eq!(sessions::end_all_but(&mut tx, &id(ADA), "b").await.unwrap(), 1);
    accounts::set_disabled(&mut tx, &id(ADA), Some(NOW)).await.unwrap();
    assert!(!is_live(&mut tx, "digest b", NOW).await);
}

/// Ada's session, by both ways to ask for it.
async fn is_live(tx: &mut Tx, token_digest: &str, now: Timestamp) -> bool {
    let idle = 100;
    let session = sessions::find(tx, token_digest, idle, now).await.unwrap();
    let with_account = accounts::find_by_session(tx, token_digest, idle, now).await.unwrap();
    if let Some((session, stored)) = &with_account {
        assert_eq!((&session.account_id, &stored.account.id), (&id(ADA).0, &id(ADA)));
    }
    assert_eq!(session, with_account.map(|(session, _)| session));
    session.is_some()
}

#[apply(on_both!)]
async fn emails_are_leased_retried_and_blanked(world: &World) {
    let (db, keys, ada) = (world.backend.db(), &world.keys, address(ADA));
    let mut tx = begin(world).await;
    let message = |at| {
        Email::Notice(Notice::ManyFailures {
            at: NOW.plus_ms(at),
            cause: FailureCause::Passwords,
        })
    };
    for (flow, at) in [(Some("f"), 0), (Some("f"), 1), (None, 2), (None, 3)] {
        outbox::write(&mut tx, keys, flow, &ada, "ar", &message(at), NOW)
            .await
            .unwrap();
        if at == 0 {
            outbox::drop_unsent(&mut tx, "f", NOW).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    assert!(!outbox::are_due(db, NOW.plus_ms(-1)).await.unwrap());
    assert!(outbox::are_due(db, NOW).await.unwrap());
    assert_eq!(outbox::claim(db, keys, NOW.plus_ms(-1), 9).await.unwrap().len(), 0);
    assert_eq!(outbox::claim(db, keys, NOW, 1).await.unwrap().len(), 1);
    let rest = outbox::claim(db, keys, NOW, 9).await.unwrap();
    assert!(
        rest.len() == 2
            && rest
                .iter()
                .all(|one| one.attempts == 1 && one.language == "ar" && one.to == ada)
    );
    assert_eq!(
        outbox::claim(db, keys, NOW.plus_seconds(59), 9).await.unwrap().len(),
        0,
        "leased"
    );
    let again = outbox::claim(db, keys, NOW.plus_seconds(60), 9).await.unwrap();
    assert!(again.len() == 3 && again.iter().all(|one| one.attempts == 2 && one.message != message(0)));

    let waiting = outbox::waiting(db, 9).await.unwrap();
    assert_eq!((waiting.count, waiting.oldest_written_at), (3, Some(NOW)));
    assert_eq!(
        outbox::waiting(db, 2).await.unwrap().count,
        2,
        "as many as are looked at"
    );

    outbox::mark_sent(db, &[again[0].id.clone()], NOW).await.unwrap();
    outbox::mark_failed(db, &again[1].id, NOW).await.unwrap();
    for one in &again {
        outbox::retry_at(db, &one.id, NOW.plus_minutes(5), "why").await.unwrap();
    }
    assert_eq!(outbox::claim(db, keys, NOW.plus_ms(299_999), 9).await.unwrap().len(), 0);
    let last = outbox::claim(db, keys, NOW.plus_minutes(5), 9).await.unwrap();
    assert_eq!(last.iter().map(|one| &one.id).collect::<Vec<_>>(), [&again[2].id]);
}

#[apply(on_both!)]
async fn emails_that_wait_are_listed_and_moved(world: &World) {
    let (db, keys, ada) = (world.backend.db(), &world.keys, address(ADA));
    let message = Email::Notice(Notice::PasswordReset {
        at: NOW,
        browser: String::new(),
    });
    let mut tx = begin(world).await;
    for _ in 0..3 {
        outbox::write(&mut tx, keys, None, &ada, "en", &message, NOW)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let leased = outbox::claim(db, keys, NOW, 2).await.unwrap();
    outbox::retry_at(db, &leased[0].id, NOW.plus_minutes(5), "why")
        .await
        .unwrap();
    let rows = mail_queue::list(db, 9).await.unwrap();
    let states: Vec<_> = rows
        .iter()
        .map(|row| (row.attempts, row.is_leased(NOW), row.last_error.as_deref()))
        .collect();
    // In the order in which they are due.
    assert_eq!(states, [(0, false, None), (1, true, None), (1, false, Some("why"))]);
    assert_eq!(mail_queue::list(db, 2).await.unwrap().len(), 2);
    for (id, made) in [(&rows[0].id, 0), (&rows[1].id, 0), (&rows[2].id, 1)] {
        assert_eq!(mail_queue::make_due(db, Some(id), NOW).await.unwrap(), made);
    }
    assert_eq!(mail_queue::make_due(db, None, NOW).await.unwrap(), 1);
    assert_eq!(
        outbox::claim(db, keys, NOW, 9).await.unwrap().len(),
        2,
        "all but the leased one"
    );
    let mut tx = begin(world).await;
    for dropped in [1, 0] {
        assert_eq!(mail_queue::drop_one(&mut tx, &rows[1].id, NOW).await.unwrap(), dropped);
    }
    tx.commit().await.unwrap();
    assert_eq!(mail_queue::list(db, 9).await.unwrap().len(), 2);
}

#[apply(on_both!)]
async fn an_account_is_changed_and_deleted_as_a_whole(world: &World) {
    let mut tx = with_ada(world).await;
    accounts::insert(&mut tx, &local(GRACE), None, NOW).await.unwrap();
    let (ada, new) = (id(ADA), address("ada@lovelace.example"));
    assert!(
        !account_changes::set_address(&mut tx, &ada, &address(GRACE))
            .await
            .unwrap()
    );
    assert!(account_changes::set_address(&mut tx, &ada, &new).await.unwrap());
    assert!(accounts::find_by_email(&mut tx, &address(ADA)).await.unwrap().is_none());
    account_changes::created_at(&mut tx, &ada).await.unwrap();
    assert_eq!(account_changes::last_sign_in(&mut tx, &ada).await.unwrap(), None);
    for ms in [1, 2] {
        let (kind, at) = (ActivityKind::SignedIn, NOW.plus_ms(ms));
        events::append(&mut tx, &ada, kind, Actor::Person, &Caller::default(), at)
            .await
            .unwrap();
    }
    let last = account_changes::last_sign_in(&mut tx, &ada).await.unwrap();
    assert_eq!(last, Some(NOW.plus_ms(2)));
    let bound = Flow {
        email: new.as_str().to_owned(),
        account_id: Some(ada.0.clone()),
        ..flow("bound")
    };
    flows::insert(&mut tx, Purpose::Reset, &bound).await.unwrap();
    let waiting = account_changes::waiting_flows(&mut tx, &new, NOW).await.unwrap();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    account_changes::unbind_flows(&mut tx, &new).await.unwrap();
    let found = flows::find(&mut tx, "bound", Purpose::Reset).await.unwrap().unwrap();
    assert_eq!(found.account(), None);
    sessions::insert(&mut tx, "token", &session("one")).await.unwrap();
    account_changes::delete(&mut tx, &ada, &new).await.unwrap();
    assert!(accounts::find(&mut tx, &ada).await.unwrap().is_none());
    assert!(accounts::find(&mut tx, &id(GRACE)).await.unwrap().is_some());
    assert!(!is_live(&mut tx, "token", NOW).await);
    assert_eq!(account_changes::last_sign_in(&mut tx, &ada).await.unwrap(), None);
    assert!(
        flows::find(&mut tx, "bound", Purpose::Reset).await.unwrap().is_some(),
        "a flow that proved nothing goes on"
    );
}

/// Property 18.
#[apply(on_both!)]
async fn checks_of_keys_are_kept(world: &World) {
    let mut tx = world.backend.db().begin().await.unwrap();
    key_checks::keep(&mut tx, "one", "first").await.unwrap();
    key_checks::keep(&mut tx, "one", "second").await.unwrap();
    assert_eq!(
        key_checks::find(&mut tx, "one").await.unwrap().as_deref(),
        Some("first")
    );
    key_checks::forget(&mut tx, "one").await.unwrap();
    assert_eq!(key_checks::find(&mut tx, "one").await.unwrap(), None);
}

/// Two an hour and three a day, in one row.
#[apply(on_both!)]
async fn an_hour_and_a_day_are_counted_together(world: &World) {
    let mut tx = begin(world).await;
    let rule = [Rule::of_hour_and_day("a".into(), 2, 3)];
    let (hour, day) = (3_600_000, 86_400_000);
    for (ms, waits) in [
        (0, None),
        (1_000, None),
        (2_000, Some(3_598)),
        (hour, Some((day - hour) / 1_000)),
        (day, None),
        (day + 1, None),
        (day + 2, Some(3_600)),
    ] {
        let told = limits::take(&mut tx, &rule, NOW.plus_ms(ms)).await.unwrap();
        assert_eq!(told, waits, "after {ms} ms");
    }
    limits::clear(&mut tx, "a").await.unwrap();
    for ms in [0, 1] {
        limits::take(&mut tx, &rule, NOW.plus_ms(ms)).await.unwrap();
    }
    limits::give_back(&mut tx, &rule).await.unwrap();
    assert_eq!(limits::take(&mut tx, &rule, NOW.plus_ms(2)).await.unwrap(), None);
    assert_eq!(limits::take(&mut tx, &rule, NOW.plus_ms(3)).await.unwrap(), Some(3_600));
}

#[apply(on_both!)]
async fn limits_count_in_windows(world: &World) {
    let mut tx = begin(world).await;
    let rules = [("a", 2), ("b", 1)].map(|(key, most)| Rule::new(key.into(), most, 10_000));
    assert_eq!(limits::take(&mut tx, &rules, NOW).await.unwrap(), None);
    let counts = limits::count(&mut tx, &rules, NOW.plus_ms(1)).await.unwrap();
    let found: Vec<_> = counts.iter().map(|count| (count.count, count.wait_s)).collect();
    assert_eq!(found, [(2, None), (2, Some(10))]);
    assert_eq!(limits::take(&mut tx, &rules[..1], NOW).await.unwrap(), Some(10));
    assert_eq!(limits::taken(&mut tx, "a", NOW).await.unwrap(), 3);
    limits::give_back(&mut tx, &rules).await.unwrap();
    limits::give_back(&mut tx, &rules).await.unwrap();
    assert_eq!(limits::taken(&mut tx, "a", NOW).await.unwrap(), 1);
    assert_eq!(limits::taken(&mut tx, "a", NOW.plus_ms(10_000)).await.unwrap(), 0);
    // The last one takes its window along: the next begins with the next one.
    let rule = Rule::new("c".into(), 1, 10_000);
    limits::take(&mut tx, std::slice::from_ref(&rule), NOW).await.unwrap();
    limits::give_back(&mut tx, std::slice::from_ref(&rule)).await.unwrap();
    let later = NOW.plus_ms(9_000);
    assert_eq!(
        limits::take(&mut tx, std::slice::from_ref(&rule), later).await.unwrap(),
        None
    );
    assert_eq!(limits::take(&mut tx, &[rule], later).await.unwrap(), Some(10));
    assert_eq!(limits::take(&mut tx, &rules, NOW).await.unwrap(), None);
    assert_eq!(
        limits::take(&mut tx, &rules, NOW.plus_ms(9_999)).await.unwrap(),
        Some(1)
    );
    assert_eq!(limits::take(&mut tx, &rules, NOW.plus_ms(10_000)).await.unwrap(), None);
    limits::clear(&mut tx, "a").await.unwrap();
    assert_eq!(
        limits::take(&mut tx, &rules[..1], NOW.plus_ms(10_000)).await.unwrap(),
        None
    );
    // A clock that jumps back makes nobody wait for longer than a window.
    assert_eq!(
        limits::take(&mut tx, &rules, NOW.plus_days(-1)).await.unwrap(),
        Some(10)
    );
}

/// Property 29.
#[apply(on_both!)]
async fn turns_go_to_the_fewest_and_the_longest_waiting(world: &World) {
    let mut tx = begin(world).await;
    let slot = 10_000;
    let mut ask = async |network: &str, had: i64, at: Timestamp| {
        let request = email_turns::Request {
            mailbox: ADA,
            network,
            had,
        };
        email_turns::take(&mut tx, request, slot, at).await.unwrap()
    };
    let at = |slots: i64| NOW.plus_ms(slots * slot);
    assert_eq!(ask("a", 3, NOW).await, Turn::Now);
    assert_eq!(ask("b", 3, NOW.plus_ms(1)).await, Turn::At(at(1)));
    assert_eq!(ask("c", 3, NOW.plus_ms(2)).await, Turn::At(at(2)));
    assert_eq!(ask("d", 0, NOW.plus_ms(3)).await, Turn::At(at(1)));
    assert_eq!(ask("e", 0, NOW.plus_ms(4)).await, Turn::At(at(2)));
    // The turn of d, which comes at its last moment: the next slot is no later for it.
    assert_eq!(ask("b", 3, at(1)).await, Turn::At(at(3)));
    assert_eq!(ask("d", 0, at(2).plus_ms(-1)).await, Turn::Now);
    assert_eq!(ask("d", 1, at(2)).await, Turn::At(at(3)));
    assert_eq!(ask("e", 0, at(2)).await, Turn::Now);
    // c has missed its turn, which counts as one; among equals it is still the first.
    assert_eq!(ask("c", 3, at(3)).await, Turn::At(at(5)));
    assert_eq!(ask("d", 1, at(3)).await, Turn::Now);
    assert_eq!(ask("b", 3, at(4)).await, Turn::Now);
    assert_eq!(ask("f", 4, at(4)).await, Turn::At(at(6)));
    assert_eq!(ask("c", 3, at(5)).await, Turn::Now);
    // A clock that jumps back makes nobody wait for longer than a slot.
    assert_eq!(ask("g", 0, NOW).await, Turn::At(at(1)));
    assert_eq!(email_turns::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(email_turns::prune(&mut tx, NOW.plus_days(1)).await.unwrap(), 3);
}

/// Property 18.
#[apply(on_both!)]
async fn throttles_count_in_a_row(world: &World) {
    let mut tx = begin(world).await;
    assert_eq!(throttles::spend(&mut tx, "a", NOW).await.unwrap(), Ok(1));
    assert_eq!(throttles::spend(&mut tx, "a", NOW).await.unwrap(), Ok(2));
    throttles::wait_until(&mut tx, "a", NOW.plus_seconds(30)).await.unwrap();
    assert_eq!(
        throttles::spend(&mut tx, "a", NOW.plus_ms(29_999)).await.unwrap(),
        Err(NOW.plus_seconds(30))
    );
    assert_eq!(
        throttles::spend(&mut tx, "a", NOW.plus_seconds(30)).await.unwrap(),
        Ok(3)
    );
    assert_eq!(throttles::spend(&mut tx, "a", NOW.plus_days(2)).await.unwrap(), Ok(1));
    throttles::wait_until(&mut tx, "a", NOW.plus_days(9)).await.unwrap();
    throttles::give_back(&mut tx, "a").await.unwrap();
    assert_eq!(throttles::spend(&mut tx, "a", NOW.plus_days(2)).await.unwrap(), Ok(1));
    throttles::clear(&mut tx, "a").await.unwrap();
    assert_eq!(throttles::count(&mut tx, "a", NOW).await.unwrap(), 1);
    assert_eq!(throttles::count(&mut tx, "a", NOW.plus_days(9)).await.unwrap(), 2);
}

/// Property 20.
#[apply(on_both!)]
async fn events_are_appended(world: &World) {
    let mut tx = with_ada(world).await;
    let caller = Caller {
        client: "192.0.2.1".into(),
        browser: "Firefox on Linux".into(),
        language: "en".into(),
        signed_in: false,
    };
    for (kind, actor, at) in [
        (ActivityKind::SignedIn, Actor::Person, 0),
        (ActivityKind::Disabled, Actor::Operator, 1),
        (ActivityKind::Enabled, Actor::Operator, 2),
    ] {
        events::append(&mut tx, &id(ADA), kind, actor, &caller, NOW.plus_ms(at))
            .await
            .unwrap();
    }
    let newest = events::done(&mut tx, &id(ADA), "", 2).await.unwrap();
    let kinds = |done: &events::Done| done.events.iter().map(|event| event.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&newest), [ActivityKind::Enabled, ActivityKind::Disabled]);
    let event = &newest.events[0];
    assert_eq!((event.at, event.client.as_str()), (NOW.plus_ms(2), "192.0.2.1"));
    let older = newest.older.unwrap();
    let oldest = events::done(&mut tx, &id(ADA), &older, 2).await.unwrap();
    assert_eq!((kinds(&oldest), oldest.older), (vec![ActivityKind::SignedIn], None));
    // What does not read is no position.
    for unfit in ["x", "1.2", "0.\0", &format!("9{older}"), &older.replace('.', ".'")] {
        let newest = events::done(&mut tx, &id(ADA), unfit, 1).await.unwrap();
        assert_eq!(kinds(&newest), [ActivityKind::Enabled], "{unfit}");
    }
    assert!(
        events::done(&mut tx, &id(GRACE), "", 2)
            .await
            .unwrap()
            .events
            .is_empty()
    );
    for (kind, since, was) in [
        (ActivityKind::Enabled, 2, true),
        (ActivityKind::Enabled, 3, false),
        (ActivityKind::PasswordLeaked, 0, false),
    ] {
        let found = events::was_done(&mut tx, &id(ADA), kind, NOW.plus_ms(since)).await;
        assert_eq!(found.unwrap(), was, "{kind:?}");
    }

    // Attempts are apart, whichever they are.
    assert_eq!(events::attempts(&mut tx, &id(ADA), NOW).await.unwrap(), None);
    for (ms, kind) in (10..).zip(ActivityKind::ALL) {
        events::append(&mut tx, &id(ADA), kind, Actor::Person, &caller, NOW.plus_ms(ms))
            .await
            .unwrap();
    }
    let done = events::done(&mut tx, &id(ADA), "", 99).await.unwrap();
    assert!(done.events.iter().all(|event| !event.kind.is_attempt()));
    let tried = ActivityKind::ALL.iter().filter(|kind| kind.is_attempt()).count();
    assert_eq!(done.events.len(), 3 + ActivityKind::ALL.len() - tried);
    let attempts = events::attempts(&mut tx, &id(ADA), NOW).await.unwrap().unwrap();
    assert_eq!(attempts.count, i64::try_from(tried).unwrap());
    let last = events::attempts(&mut tx, &id(ADA), attempts.since)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((last.count, last.since > attempts.since), (attempts.count - 1, true));
    for _ in 0..1_001 {
        events::append(
            &mut tx,
            &id(ADA),
            ActivityKind::WrongCode,
            Actor::Person,
            &caller,
            NOW.plus_ms(99),
        )
        .await
        .unwrap();
    }
    let many = events::attempts(&mut tx, &id(ADA), NOW).await.unwrap().unwrap();
    assert_eq!((many.count, many.since), (Attempts::MOST, NOW.plus_ms(99)));

    let nobody = events::nobody();
    events::append(&mut tx, &nobody, ActivityKind::WrongCode, Actor::Person, &caller, NOW)
        .await
        .unwrap();
    assert_eq!(events::prune_nobodys(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(events::prune_nobodys(&mut tx, NOW.plus_days(9)).await.unwrap(), 1);
    for accounts in [&[][..], &[id(ADA), id(GRACE)]] {
        events::append_all(
            &mut tx,
            accounts,
            ActivityKind::Added,
            Actor::Operator,
            &caller,
            NOW.plus_ms(200),
        )
        .await
        .unwrap();
    }
    for person in [ADA, GRACE] {
        let newest = events::done(&mut tx, &id(person), "", 1).await.unwrap();
        let event = &newest.events[0];
        assert_eq!((event.kind, event.at), (ActivityKind::Added, NOW.plus_ms(200)));
    }
    let of_grace = events::done(&mut tx, &id(GRACE), "", 9).await.unwrap();
    assert_eq!((of_grace.events.len(), of_grace.older), (1, None));
}

#[apply(on_both!)]
async fn only_dead_rows_are_pruned(world: &World) {
    let mut tx = with_ada(world).await;
    let ended = NOW.plus_ms(1_000);
    flows::insert(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    codes::issue(&mut tx, Purpose::Reset, &address(ADA), "f", &code("c", 0))
        .await
        .unwrap();
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    let rule = Rule::new("a".into(), 1, 1_000);
    limits::take(&mut tx, &[rule], NOW).await.unwrap();
    let message = Email::Notice(Notice::ManyFailures {
        at: NOW,
        cause: FailureCause::Passwords,
    });
    outbox::write(&mut tx, &world.keys, None, &address(ADA), "en", &message, NOW)
        .await
        .unwrap();
    assert_eq!(flows::prune(&mut tx, ended).await.unwrap(), 0);
    assert_eq!(sessions::prune(&mut tx, ended).await.unwrap(), 0);
    assert_eq!(limits::prune(&mut tx, ended).await.unwrap(), 0);
    assert_eq!(outbox::prune(&mut tx, ended).await.unwrap(), 0, "it waits");
    let later = ended.plus_ms(1);
    assert_eq!(flows::prune(&mut tx, later).await.unwrap(), 1);
    assert!(codes::of_flow(&mut tx, "f").await.unwrap().is_empty());
    assert_eq!(sessions::prune(&mut tx, later).await.unwrap(), 1);
    assert_eq!(limits::prune(&mut tx, later).await.unwrap(), 1);
    throttles::count(&mut tx, "lane", NOW).await.unwrap();
    assert_eq!(throttles::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(throttles::prune(&mut tx, later).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let claimed = outbox::claim(world.backend.db(), &world.keys, NOW, 9).await.unwrap();
    outbox::mark_sent(world.backend.db(), &[claimed[0].id.clone()], NOW)
        .await
        .unwrap();
    let mut tx = begin(world).await;
    assert_eq!(outbox::prune(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(outbox::prune(&mut tx, later).await.unwrap(), 1);
}

/// A look at what is dead must not read all that lives.
#[apply(on_both!)]
async fn dead_rows_are_found_by_an_index(world: &World) {
    for dead in [
        "SELECT id FROM flows WHERE ends_at < 1 LIMIT 9",
        "SELECT id FROM sessions WHERE ends_at < 1 LIMIT 9",
        "SELECT id FROM devices WHERE used_at < 1 LIMIT 9",
        "SELECT id FROM devices WHERE used_at IS NULL LIMIT 9",
        "SELECT key FROM limits WHERE ends_at < 1 LIMIT 9",
        "SELECT mailbox, network FROM email_turns WHERE due_at < 1 LIMIT 9",
        "SELECT mailbox FROM email_slots WHERE next_at < 1 LIMIT 9",
        "SELECT id FROM outbox WHERE written_at < 1 AND (sent_at IS NOT NULL OR failed_at IS NOT NULL) LIMIT 9",
        "SELECT id FROM events WHERE account_id = '' AND kind IN ('wrong_password', 'wrong_code', 'reset_asked') AND at < 1 LIMIT 9",
        "SELECT key FROM throttles WHERE updated_at < 1 LIMIT 9",
        "SELECT id FROM wrong_codes WHERE hour < 1 LIMIT 9",
        "SELECT id FROM codes WHERE flow_id = 'f'",
    ] {
        // The very statements that `prune` runs, but for their figures.
        let plan = match world.backend.db() {
            Db::Sqlite { readers, .. } => {
                let steps: Vec<(i64, i64, i64, String)> =
                    sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {dead}")))
                        .fetch_all(readers)
                        .await
                        .unwrap();
                steps.into_iter().map(|step| step.3).collect::<String>()
            }
            Db::Postgres {
                server: Server { pool, .. },
                ..
            } => {
                let mut tx = pool.begin_with("BEGIN; SET LOCAL enable_seqscan = off").await.unwrap();
                let steps: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {dead}")))
                    .fetch_all(&mut *tx)
                    .await
                    .unwrap();
                steps.concat()
            }
        };
        let by_index = plan.contains("INDEX") || plan.contains("Index Cond") || plan.contains("Index Scan on");
        assert!(by_index && !plan.contains("Seq Scan"), "{dead}: {plan}");
    }
}

#[apply(on_both!)]
async fn everybodys_rows_end_at_once(world: &World) {
    let mut tx = with_ada(world).await;
    flows::insert(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    codes::issue(&mut tx, Purpose::Reset, &address(ADA), "f", &code("c", 0))
        .await
        .unwrap();
    sessions::insert(&mut tx, "digest", &session("s")).await.unwrap();
    let device = devices::Device {
        id: "d".into(),
        account_id: id(ADA).0,
        browser: "Firefox on Linux".into(),
        trusted_until: Some(NOW.0 + 9),
        replaced_at: None,
    };
    devices::insert(&mut tx, "device", &device, NOW).await.unwrap();
    let message = Email::Notice(Notice::ManyFailures {
        at: NOW,
        cause: FailureCause::Passwords,
    });
    outbox::write(&mut tx, &world.keys, None, &address(ADA), "en", &message, NOW)
        .await
        .unwrap();
    assert_eq!(codes::count_live(&mut tx, "k1", NOW).await.unwrap(), 1);
    assert_eq!(codes::count_live(&mut tx, "k2", NOW).await.unwrap(), 0);
    assert_eq!(codes::count_live(&mut tx, "k1", NOW.plus_minutes(10)).await.unwrap(), 0);
    assert_eq!(outbox::count_waiting(&mut tx, "k1.").await.unwrap(), 1);
    assert_eq!(outbox::count_waiting(&mut tx, "k2.").await.unwrap(), 0);
    assert_eq!(accounts::count_hashes(&mut tx, "ha").await.unwrap(), 1);
    assert_eq!(accounts::count_hashes(&mut tx, "").await.unwrap(), 1);
    assert_eq!(accounts::count_hashes(&mut tx, "h_").await.unwrap(), 0);

    assert_eq!(sessions::end_everyones(&mut tx).await.unwrap(), [id(ADA).0]);
    devices::untrust_everyones(&mut tx).await.unwrap();
    assert!(devices::trusted(&mut tx, &id(ADA), NOW).await.unwrap().is_empty());
    assert_eq!(flows::end_everyones(&mut tx, NOW).await.unwrap(), ["f"]);
    assert!(flows::end_everyones(&mut tx, NOW).await.unwrap().is_empty());
    codes::supersede_everyones(&mut tx, NOW).await.unwrap();
    assert_eq!(codes::count_live(&mut tx, "k1", NOW).await.unwrap(), 0);
    assert_eq!(outbox::drop_everyones(&mut tx, NOW).await.unwrap(), 1);
    assert_eq!(outbox::count_waiting(&mut tx, "").await.unwrap(), 0);
}

/// PostgreSQL has tools of its own for that.
#[apply(on_both!)]
async fn a_files_copy_is_whole(world: &World) {
    let mut tx = with_ada(world).await;
    flows::insert(&mut tx, Purpose::Reset, &flow("f")).await.unwrap();
    tx.commit().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy");
    let copied = backup::copy(world.backend.db(), &to).await.unwrap();
    assert_eq!(
        (copied, to.exists()),
        match world.backend.db() {
            Db::Sqlite { .. } => (true, true),
            Db::Postgres { .. } => (false, false),
        }
    );
    if copied {
        assert_eq!(backup::fault_of(&to).await, None);
        assert!(backup::copy(world.backend.db(), &to).await.is_err(), "it is there");
    }
    std::fs::write(&to, "nothing").unwrap();
    assert!(backup::fault_of(&to).await.is_some());
}

async fn begin(world: &World) -> Tx {
    world.backend.db().begin().await.unwrap()
}

async fn with_ada(world: &World) -> Tx {
    let mut tx = begin(world).await;
    assert!(accounts::insert(&mut tx, &local(ADA), Some("hash"), NOW).await.unwrap());
    tx
}

async fn hash(tx: &mut Tx) -> Option<String> {
    accounts::find(tx, &id(ADA)).await.unwrap().unwrap().password
}

fn id(email: &str) -> AccountId {
    AccountId(format!("id of {email}"))
}

fn local(email: &str) -> Account {
    Account {
        id: id(email),
        email: address(email),
        name: "Somebody".into(),
        kind: AccountKind::Local,
        language: Some("en".into()),
        password_changed_at: None,
        disabled_at: None,
    }
}

/// A try with the token that the flow began with.
async fn spend_try(tx: &mut Tx, id: &str, purpose: Purpose, now: Timestamp) -> Result<Option<Flow>, Fault> {
    flows::spend_try(tx, id, purpose, id, now, now).await
}

/// Ada's, for a second.
fn flow(id: &str) -> Flow {
    Flow {
        id: id.into(),
        email: ADA.into(),
        account_id: Some(self::id(ADA).0),
        reference: "K7".into(),
        language: "en".into(),
        next_path: "/profile".into(),
        tries_left: 5,
        stale_code_allowance: 2,
        codes_sent: 1,
        resend_at: 0,
        version: 1,
        created_at: NOW.0,
        ends_at: NOW.0 + 1_000,
        password_passed_at: None,
        code_passed_at: None,
        finished_at: None,
        ended_at: None,
        token_digest: None,
        stepped_up_at: None,
        client: "192.0.2.1".into(),
        known_device: 0,
        replaces: None,
        digits: 8,
        mailbox_first: 0,
        trust: 0,
    }
}

fn code(id: &str, ms: usize) -> IssuedCode {
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

/// Ada's, for a second.
fn session(id: &str) -> sessions::Session {
    sessions::Session {
        id: id.into(),
        account_id: self::id(ADA).0,
        browser: "Firefox on Linux".into(),
        client: "192.0.2.1".into(),
        signed_in_at: NOW.0,
        last_seen_at: NOW.0,
        ends_at: NOW.0 + 1_000,
    }
}
