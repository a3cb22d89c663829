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
    let stored = hashing.hash("here", &"three random words".into()).await.unwrap();
    assert!(stored.starts_with("k1$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    for (typed, verdict) in [
        ("three random words", Verdict::Right),
        ("three random word", Verdict::Wrong),
        ("Three random words", Verdict::Wrong),
        ("", Verdict::Wrong),
    ] {
        assert_eq!(
            hashing.verify("here", &typed.into(), Some(&stored)).await.unwrap(),
            verdict,
            "{typed:?}"
        );
    }
}

/// Made by the build of 2026-11, with argon2 0.5.
#[tokio::test]
async fn a_hash_of_an_earlier_release_verifies() {
    let hashing = hasher_with(1);
    let stored = "k1$argon2id$v=19$m=19456,t=2,p=1$NW4EAhk9q7yw0YlMZGPBWA$b0ac+r297BoNJWVX4omHdI5e9Cm/EXFgjj5flzbsbj8";
    for (typed, verdict) in [
        ("three random words", Verdict::Right),
        ("three random word", Verdict::Wrong),
    ] {
        let told = hashing.verify("here", &typed.into(), Some(stored)).await.unwrap();
        assert_eq!(told, verdict, "{typed}");
    }
}

#[tokio::test]
async fn two_hashes_of_one_password_differ() {
    let hashing = hasher_with(1);
    let password: Secret = "three random words".into();
    assert_ne!(
        hashing.hash("here", &password).await.unwrap(),
        hashing.hash("here", &password).await.unwrap()
    );
}

#[tokio::test]
async fn the_same_password_typed_another_way_is_right() {
    let hashing = hasher_with(1);
    let stored = hashing
        .hash("here", &"e\u{301}t\u{e9} trois mots verts".into())
        .await
        .unwrap();
    assert_eq!(
        hashing
            .verify("here", &"\u{e9}te\u{301} trois mots verts".into(), Some(&stored))
            .await
            .unwrap(),
        Verdict::Right
    );
}

#[tokio::test]
async fn nobody_has_no_password() {
    let hashing = hasher_with(1);
    assert_eq!(
        hashing
            .verify("here", &"three random words".into(), None)
            .await
            .unwrap(),
        Verdict::Wrong
    );
    assert!(PasswordHash::new(&hashing.nobody).is_ok_and(|hash| is_as_new(&hash)));
}

#[tokio::test]
async fn a_hash_under_an_older_key_is_right_but_old() {
    let stored = hasher_under(Keyring::new(key("old"), vec![]), 1)
        .hash("here", &"three random words".into())
        .await
        .unwrap();
    let rotated = hasher_under(Keyring::new(key("k1"), vec![key("old")]), 1);
    assert_eq!(
        rotated
            .verify("here", &"three random words".into(), Some(&stored))
            .await
            .unwrap(),
        Verdict::RightButOld
    );
    assert_eq!(
        rotated
            .verify("here", &"three random wordz".into(), Some(&stored))
            .await
            .unwrap(),
        Verdict::Wrong
    );
    let fault = hasher_with(1)
        .verify("here", &"three random words".into(), Some(&stored))
        .await
        .unwrap_err();
    assert!(matches!(fault, Fault::KeyGone { id } if id == "old"));
}

#[tokio::test]
async fn hashes_of_other_systems_verify_and_are_old() {
    for (algorithm, m, t, p) in [
        (Algorithm::Argon2id, 8 * 1024, 3, 2),
        (Algorithm::Argon2i, 1024, 2, 1),
        (Algorithm::Argon2id, 19_456, 2, 1),
    ] {
        let hasher = Argon2::new(algorithm, Version::V0x13, Params::new(m, t, p, None).unwrap());
        let stored = hasher
            .hash_password_with_salt(b"three random words", &[3; 16])
            .unwrap()
            .to_string();
        let hashing = hasher_with(1);
        assert_eq!(
            hashing
                .verify("here", &"three random words".into(), Some(&stored))
                .await
                .unwrap(),
            Verdict::RightButOld
        );
        assert_eq!(
            hashing
                .verify("here", &"four random words".into(), Some(&stored))
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
            .verify("here", &"three random words".into(), Some(stored))
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
    let taken = hashing.place("here").await.unwrap();
    hashing.core(&taken).await.unwrap();
    let begun = tokio::time::Instant::now();
    let fault = hashing.hash("here", &"three random words".into()).await.unwrap_err();
    assert!(matches!(fault, Fault::Busy { retry_after_s: 2 }));
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(hashing.queue.counts(), (1, 0), "the place in the queue is given back");
}

/// Whether work of a network is done.
fn runs(hashing: &Hashing, network: &'static str) -> impl Future<Output = bool> + Send + use<> {
    let hashing = hashing.clone();
    async move { admitted(&hashing, network, |_| ()).await.is_ok() }
}

async fn admitted<T: Send + 'static>(
    hashing: &Hashing,
    network: &str,
    work: impl FnOnce(&mut Engine) -> T + Send + 'static,
) -> Result<T, Fault> {
    hashing.admitted_at(hashing.place(network).await?, work).await
}

/// Property 32: one network fills the queue, and slows itself only.
#[tokio::test]
async fn networks_take_turns() {
    let hashing = hasher_with(1);
    let taken = hashing.place("first").await.unwrap();
    hashing.core(&taken).await.unwrap();
    let (told, order) = mpsc::channel();
    let mut requests = Vec::new();
    for (number, network) in ["flood", "flood", "flood", "flood", "ada", "bob", "bob"]
        .into_iter()
        .enumerate()
    {
        let (one, told) = (hashing.clone(), told.clone());
        requests.push(tokio::spawn(async move {
            admitted(&one, network, move |_| told.send(network).unwrap())
                .await
                .unwrap();
        }));
        while hashing.queue.counts().1 <= number {
            tokio::task::yield_now().await;
        }
    }
    drop((taken, told));
    for request in requests {
        request.await.unwrap();
    }
    let order: Vec<_> = order.iter().collect();
    assert_eq!(order, ["flood", "ada", "bob", "flood", "bob", "flood", "flood"]);
}

#[tokio::test]
async fn a_full_queue_has_room_for_a_network_with_fewer_in_it() {
    let hashing = hasher_with(1);
    let taken = hashing.place("flood").await.unwrap();
    hashing.core(&taken).await.unwrap();
    let flood: Vec<_> = (0..WAITING).map(|_| tokio::spawn(runs(&hashing, "flood"))).collect();
    while hashing.queue.counts().1 < WAITING {
        tokio::task::yield_now().await;
    }
    // Some have a place and do not hash yet: those may lose theirs as well.
    let others = [hashing.place("ada").await.unwrap(), hashing.place("bob").await.unwrap()];
    let again = hashing.place("ada").await.unwrap();
    assert_eq!(hashing.queue.counts(), (1, WAITING), "no more than before");
    assert!(
        hashing.place("flood").await.is_err(),
        "no network has more than this one"
    );
    drop(taken);
    for place in others {
        hashing.core(&place).await.unwrap();
    }
    drop(again);
    let mut through = 0;
    let mut last = true;
    for request in flood {
        last = request.await.unwrap();
        through += usize::from(last);
    }
    assert_eq!(through, WAITING - 3);
    assert!(!last, "the newest lost its place");
    assert_eq!(hashing.queue.counts(), (0, 0));
}

/// Who loses the place before it hashes is told so when it asks for its core, and no sooner than others are.
#[tokio::test(start_paused = true)]
async fn a_place_that_was_lost_hashes_nothing() {
    let hashing = hasher_with(1);
    let mut places = Vec::new();
    for _ in 0..=WAITING {
        places.push(hashing.place("flood").await.unwrap());
    }
    let _ada = hashing.place("ada").await.unwrap();
    let begun = tokio::time::Instant::now();
    let lost = places.pop().unwrap();
    assert!(matches!(hashing.core(&lost).await, Err(Fault::Busy { .. })));
    assert_eq!(begun.elapsed(), MOMENT);
    hashing.core(&places[0]).await.unwrap();
    drop(lost);
    assert_eq!(
        hashing.queue.counts(),
        (1, WAITING),
        "its place is not given back twice"
    );
}

/// At the door, too: of those who wait for a place the network with the fewest comes in first.
#[tokio::test]
async fn a_free_place_goes_to_the_network_with_the_fewest() {
    let hashing = hasher_with(1);
    let mut inside = Vec::new();
    // Two of each, so that nobody may take a place from them.
    for number in 0..=WAITING {
        inside.push(hashing.place(&format!("network {}", number / 2)).await.unwrap());
    }
    hashing.core(&inside[0]).await.unwrap();
    let at_door = |network: &'static str| {
        let hashing = hashing.clone();
        tokio::spawn(async move { hashing.place(network).await.ok() })
    };
    let many = at_door("network 5");
    tokio::task::yield_now().await;
    let few = at_door("network 32");
    tokio::task::yield_now().await;
    drop(inside.swap_remove(20));
    let few = few.await.unwrap();
    assert!(few.is_some());
    assert!(many.await.unwrap().is_none());
}

#[tokio::test]
async fn a_full_queue_is_said_after_a_moment() {
    let hashing = hasher_with(1);
    let taken = hashing.place("here").await.unwrap();
    hashing.core(&taken).await.unwrap();
    let waiting: Vec<_> = (0..WAITING).map(|_| tokio::spawn(runs(&hashing, "here"))).collect();
    while hashing.queue.counts().1 < WAITING {
        tokio::task::yield_now().await;
    }
    let mut asked = Box::pin(runs(&hashing, "here"));
    let said = tokio::select! {
        biased;
        said = &mut asked => Some(said),
        () = std::future::ready(()) => None,
    };
    assert!(said.is_none(), "whoever asks again at once asks as often as we answer");
    assert!(!asked.await);
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
            admitted(&hashing, "here", move |_| {
                (begin.send(()).is_ok(), released.recv().is_ok())
            })
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
    assert_eq!(hashing.queue.counts(), (1, 0));
    release.send(()).unwrap();
    assert_eq!(admitted(&hashing, "here", |_| 7).await.unwrap(), 7);
}

#[tokio::test]
async fn work_that_panics_gives_its_core_back() {
    let hashing = hasher_with(1);
    assert!(matches!(
        admitted(&hashing, "here", |_| panic!("by the test")).await,
        Err::<(), _>(Fault::Hashing(_))
    ));
    assert_eq!(hashing.queue.counts(), (0, 0));
}

/// A thread goes on after a panic, and with another engine's hash before it.
#[tokio::test]
async fn as_many_threads_as_cores_serve_for_ever() {
    let hashing = hasher_with(2);
    let stored = hashing.hash("here", &"three random words".into()).await.unwrap();
    let (right, wrong): (Secret, Secret) = ("three random words".into(), "four random words".into());
    for _ in 0..3 {
        let verdicts = tokio::join!(
            hashing.verify("here", &right, Some(&stored)),
            hashing.verify("here", &wrong, Some(&stored)),
            hashing.verify("here", &right, None),
            admitted::<()>(&hashing, "here", |_| panic!("by the test")),
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
        let stored = one.hash("here", &password).await.unwrap();
        assert_eq!(
            other.verify("here", &password, Some(&stored)).await.unwrap(),
            Verdict::Right
        );
    }
}

/// Attack: a login that takes the threads of the pages, or hashing that takes the whole processor from them.
#[tokio::test]
async fn hashing_has_threads_of_its_own_that_are_nicer_than_others() {
    let hashing = hasher_with(1);
    let (name, nice) = admitted(&hashing, "here", |_| {
        let this = rustix::thread::gettid();
        let nice = rustix::process::getpriority_process(Some(this));
        (std::thread::current().name().map(str::to_owned), nice)
    })
    .await
    .unwrap();
    assert_eq!(name.as_deref(), Some("hashing 1"));
    assert!(nice.unwrap() > rustix::process::getpriority_process(None).unwrap());
}
