use super::*;
use account::Keyring;
use argon2::{Argon2, PasswordHasher};
use std::sync::mpsc;

fn key(id: &str) -> Key {
    Key::new(id.into(), [id.len() as u8; 32])
}

fn hasher_under(keys: Keyring, at_once: usize) -> Hashing {
    Hashing::new(keys, at_once, EngineChoice::Auto).unwrap()
}

fn hasher_with(at_once: usize) -> Hashing {
    hasher_under(Keyring::new(key("k1"), vec![]), at_once)
}

#[tokio::test]
async fn a_password_verifies_against_its_own_hash_only() {
    let hashing = hasher_with(1);
    let stored = hashing.hash(&"three random words".into()).await.unwrap();
    assert!(stored.starts_with("k1$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    for (typed, verdict) in [
        ("three random words", Verdict::Right),
        ("three random word", Verdict::Wrong),
        ("Three random words", Verdict::Wrong),
        ("", Verdict::Wrong),
    ] {
        assert_eq!(
            hashing.verify(&typed.into(), Some(&stored)).await.unwrap(),
            verdict,
            "{typed:?}"
        );
    }
}

#[tokio::test]
async fn two_hashes_of_one_password_differ() {
    let hashing = hasher_with(1);
    let password: Secret = "three random words".into();
    assert_ne!(
        hashing.hash(&password).await.unwrap(),
        hashing.hash(&password).await.unwrap()
    );
}

#[tokio::test]
async fn the_same_password_typed_another_way_is_right() {
    let hashing = hasher_with(1);
    let stored = hashing.hash(&"e\u{301}t\u{e9} trois mots verts".into()).await.unwrap();
    assert_eq!(
        hashing
            .verify(&"\u{e9}te\u{301} trois mots verts".into(), Some(&stored))
            .await
            .unwrap(),
        Verdict::Right
    );
}

#[tokio::test]
async fn nobody_has_no_password() {
    let hashing = hasher_with(1);
    assert_eq!(
        hashing.verify(&"three random words".into(), None).await.unwrap(),
        Verdict::Wrong
    );
    assert!(PasswordHash::new(&hashing.nobody).is_ok_and(|hash| is_as_new(&hash)));
}

#[tokio::test]
async fn a_hash_under_an_older_key_is_right_but_old() {
    let stored = hasher_under(Keyring::new(key("old"), vec![]), 1)
        .hash(&"three random words".into())
        .await
        .unwrap();
    let rotated = hasher_under(Keyring::new(key("k1"), vec![key("old")]), 1);
    assert_eq!(
        rotated
            .verify(&"three random words".into(), Some(&stored))
            .await
            .unwrap(),
        Verdict::RightButOld
    );
    assert_eq!(
        rotated
            .verify(&"three random wordz".into(), Some(&stored))
            .await
            .unwrap(),
        Verdict::Wrong
    );
    let fault = hasher_with(1)
        .verify(&"three random words".into(), Some(&stored))
        .await
        .unwrap_err();
    assert!(matches!(fault, Fault::KeyGone { id } if id == "old"));
}

#[tokio::test]
async fn hashes_of_other_systems_verify_and_are_old() {
    let salt = SaltString::encode_b64(&[3; 16]).unwrap();
    for (algorithm, m, t, p) in [
        (Algorithm::Argon2id, 8 * 1024, 3, 2),
        (Algorithm::Argon2i, 1024, 2, 1),
        (Algorithm::Argon2id, 19_456, 2, 1),
    ] {
        let hasher = Argon2::new(algorithm, Version::V0x13, Params::new(m, t, p, None).unwrap());
        let stored = hasher.hash_password(b"three random words", &salt).unwrap().to_string();
        let hashing = hasher_with(1);
        assert_eq!(
            hashing
                .verify(&"three random words".into(), Some(&stored))
                .await
                .unwrap(),
            Verdict::RightButOld
        );
        assert_eq!(
            hashing
                .verify(&"four random words".into(), Some(&stored))
                .await
                .unwrap(),
            Verdict::Wrong
        );
    }
}

/// Whatever differs from ours, alone: such a hash is made anew.
#[test]
fn only_a_hash_like_ours_is_as_new() {
    const SALT: &str = "c2FsdHNhbHRzYWx0c2FsdA";
    let (long, short) = ("A".repeat(43), "A".repeat(22));
    for (form, output, new) in [
        ("argon2id$v=19$m=19456,t=2,p=1", &long, true),
        ("argon2i$v=19$m=19456,t=2,p=1", &long, false),
        ("argon2id$v=16$m=19456,t=2,p=1", &long, false),
        ("argon2id$v=19$m=19455,t=2,p=1", &long, false),
        ("argon2id$v=19$m=19456,t=3,p=1", &long, false),
        ("argon2id$v=19$m=19456,t=2,p=2", &long, false),
        ("argon2id$v=19$m=19456,t=2,p=1", &short, false),
    ] {
        let stored = format!("${form}${SALT}${output}");
        let hash = PasswordHash::new(&stored).unwrap();
        assert_eq!(is_as_new(&hash), new, "{stored}");
    }
}

#[tokio::test]
async fn what_is_no_hash_is_a_fault_that_does_not_repeat_it() {
    for stored in [
        "",
        "k1",
        "k1$argon2id$",
        "k1$argon2id$v=19$m=1,t=0,p=0$c2FsdHNhbHQ$aGFzaA",
        "plain text",
    ] {
        let fault = hasher_with(1)
            .verify(&"three random words".into(), Some(stored))
            .await
            .unwrap_err();
        assert!(
            matches!(fault, Fault::Corrupt { .. } | Fault::Hashing(_)),
            "{stored:?} {fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_two_seconds_is_told_to_come_again() {
    let hashing = hasher_with(1);
    let _taken = hashing.cores.clone().try_acquire_owned().unwrap();
    let begun = tokio::time::Instant::now();
    let fault = hashing.hash(&"three random words".into()).await.unwrap_err();
    assert!(matches!(fault, Fault::Busy { retry_after_s: 2 }));
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(
        hashing.places.available_permits(),
        1 + WAITING,
        "the place in the queue is given back"
    );
}

#[tokio::test]
async fn a_full_queue_is_said_after_a_moment() {
    let hashing = hasher_with(1);
    let taken = hashing.cores.clone().try_acquire_owned().unwrap();
    let waiting: Vec<_> = (0..=WAITING)
        .map(|_| {
            let hashing = hashing.clone();
            tokio::spawn(async move { hashing.admitted(|_| ()).await.is_ok() })
        })
        .collect();
    while hashing.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let mut asked = Box::pin(hashing.admitted(|_| ()));
    let said = tokio::select! {
        biased;
        said = &mut asked => Some(said),
        () = std::future::ready(()) => None,
    };
    assert!(said.is_none(), "whoever asks again at once asks as often as we answer");
    assert!(matches!(asked.await, Err(Fault::Busy { .. })));
    drop(taken);
    for one in waiting {
        assert!(one.await.unwrap(), "those in the queue have their turn");
    }
}

#[tokio::test]
async fn a_request_given_up_keeps_its_core_until_the_work_ends() {
    let hashing = hasher_with(1);
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let request = tokio::spawn({
        let hashing = hashing.clone();
        async move {
            hashing
                .admitted(move |_| (begin.send(()).is_ok(), released.recv().is_ok()))
                .await
                .map(drop)
        }
    });
    tokio::task::spawn_blocking(move || begun.recv())
        .await
        .unwrap()
        .unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(hashing.cores.available_permits(), 0);
    release.send(()).unwrap();
    drop(hashing.cores.clone().acquire_owned().await.unwrap());
    assert_eq!(hashing.admitted(|_| 7).await.unwrap(), 7);
}

#[tokio::test]
async fn work_that_panics_gives_its_core_back() {
    let hashing = hasher_with(1);
    assert!(matches!(
        hashing.admitted(|_| panic!("by the test")).await,
        Err::<(), _>(Fault::Hashing(_))
    ));
    assert_eq!(
        (hashing.cores.available_permits(), hashing.places.available_permits()),
        (1, 1 + WAITING)
    );
}

/// A thread goes on after a panic, and with another engine's hash before it.
#[tokio::test]
async fn as_many_threads_as_cores_serve_for_ever() {
    let hashing = hasher_with(2);
    let stored = hashing.hash(&"three random words".into()).await.unwrap();
    let (right, wrong): (Secret, Secret) = ("three random words".into(), "four random words".into());
    for _ in 0..3 {
        let verdicts = tokio::join!(
            hashing.verify(&right, Some(&stored)),
            hashing.verify(&wrong, Some(&stored)),
            hashing.verify(&right, None),
            hashing.admitted::<()>(|_| panic!("by the test")),
        );
        assert_eq!(verdicts.0.unwrap(), Verdict::Right);
        assert_eq!(verdicts.1.unwrap(), Verdict::Wrong);
        assert_eq!(verdicts.2.unwrap(), Verdict::Wrong);
        assert!(verdicts.3.is_err());
    }
}

#[tokio::test]
async fn both_engines_read_each_others_hashes() {
    let of = |choice| Hashing::new(Keyring::new(key("k1"), vec![]), 1, choice).unwrap();
    let (auto, reference) = (of(EngineChoice::Auto), of(EngineChoice::Reference));
    let password: Secret = "three random words".into();
    for (one, other) in [(&auto, &reference), (&reference, &auto)] {
        let stored = one.hash(&password).await.unwrap();
        assert_eq!(other.verify(&password, Some(&stored)).await.unwrap(), Verdict::Right);
    }
}

/// Attack: a login that takes the threads of the pages, or hashing that takes the whole processor from them.
#[tokio::test]
async fn hashing_has_threads_of_its_own_that_are_nicer_than_others() {
    let hashing = hasher_with(1);
    let (name, nice) = hashing
        .admitted(|_| {
            let this = rustix::thread::gettid();
            let nice = rustix::process::getpriority_process(Some(this));
            (std::thread::current().name().map(str::to_owned), nice)
        })
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("hashing 1"));
    assert!(nice.unwrap() > rustix::process::getpriority_process(None).unwrap());
}
