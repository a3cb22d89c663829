use super::*;

const ONE: &str = "$2b$04$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y";

#[test]
fn what_django_puts_in_front_of_a_whole_hash_is_left_out() {
    for (written, stored) in [
        (format!("bcrypt${ONE}"), ONE),
        (ONE.to_owned(), ONE),
        (
            "argon2$argon2id$v=19$m=1024,t=2,p=2$cVoySTlMTkUycWVVMFBLMjlBSFhtSA$dQUXdXdXb8tEWROIZaXlMY1Vz4y2PlB8nuGzICdClQo"
                .to_owned(),
            "$argon2id$v=19$m=1024,t=2,p=2$cVoySTlMTkUycWVVMFBLMjlBSFhtSA$dQUXdXdXb8tEWROIZaXlMY1Vz4y2PlB8nuGzICdClQo",
        ),
    ] {
        assert_eq!(ForeignHash::parse(&written).unwrap().as_str(), stored);
    }
}

#[test]
fn a_hash_that_would_stop_the_server_is_refused() {
    let salt_and_result = "c2FsdHNhbHRzYWx0c2FsdA$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ";
    for (within, beyond) in [
        ("$argon2id$v=19$m=262144,t=4,p=1", "$argon2id$v=19$m=262145,t=1,p=1"),
        ("$argon2id$v=19$m=65536,t=64,p=4", "$argon2id$v=19$m=65536,t=65,p=4"),
        ("$argon2id$v=19$m=102400,t=2,p=8", "$argon2id$v=19$m=4194304,t=1,p=1"),
        ("pbkdf2_sha256$4000000", "pbkdf2_sha256$4000001"),
        ("pbkdf2_sha1$2000000", "pbkdf2_sha1$2000001"),
        ("$pbkdf2-sha512$4000000", "$pbkdf2-sha512$4294967295"),
        ("$scrypt$ln=18,r=8,p=2", "$scrypt$ln=19,r=8,p=1"),
        ("$scrypt$ln=17,r=8,p=4", "$scrypt$ln=17,r=8,p=5"),
        ("$scrypt$ln=4,r=8,p=1", "$scrypt$ln=40,r=8,p=1"),
    ] {
        let parse = |beginning: &str| ForeignHash::parse(&format!("{beginning}${salt_and_result}"));
        assert!(parse(within).is_ok(), "{within} {:?}", parse(within));
        assert!(
            matches!(parse(beyond), Err(UnfitHash::TooCostly { .. })),
            "{beyond} {:?}",
            parse(beyond)
        );
    }
    assert!(ForeignHash::parse(&ONE.replace("$04$", "$15$")).is_ok());
    for cost in ["$16$", "$31$"] {
        let refused = ForeignHash::parse(&ONE.replace("$04$", cost)).unwrap_err();
        assert_eq!(refused, UnfitHash::TooCostly { bound: "cost 15" });
    }
}

#[test]
fn what_does_not_read_is_named_by_its_kind() {
    for (text, kind) in [
        ("$2b$04$short", "bcrypt"),
        ("$2b$03$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y", "bcrypt"),
        ("$2b$04$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmié", "bcrypt"),
        (
            "bcrypt_sha256$2b$04$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y",
            "bcrypt_sha256",
        ),
        (
            "pbkdf2_sha256$0$salt$ygXSPgreAWuSIjsnAQ28JiTgAz7FqDWmibfuKzlifqA=",
            "pbkdf2_sha256",
        ),
        (
            "pbkdf2_sha256$many$salt$ygXSPgreAWuSIjsnAQ28JiTgAz7FqDWmibfuKzlifqA=",
            "pbkdf2_sha256",
        ),
        ("pbkdf2_sha256$1000$salt", "pbkdf2_sha256"),
        ("pbkdf2_sha1$1000$salt$?", "pbkdf2_sha1"),
        (
            "scrypt$1000$salt$8$1$birVR68jfuyJjiiQ+gZFu2G3VRPV+j/c6c8cg1oGZmo=",
            "scrypt",
        ),
        ("scrypt:1024:8:1$salt$not hexadecimal", "scrypt"),
        ("$scrypt$r=8,ln=10,p=1$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA", "scrypt"),
        ("$pbkdf2-md5$1000$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA", "pbkdf2"),
        ("pbkdf2:md5:1000$salt$00112233445566778899aabbccddeeff", "pbkdf2"),
        ("$argon2id$v=19$m=1,t=0,p=0$c2FsdHNhbHQ$aGFzaA", "argon2"),
        ("$argon2id$", "argon2"),
    ] {
        assert_eq!(
            ForeignHash::parse(text).unwrap_err(),
            UnfitHash::Damaged { kind },
            "{text}"
        );
    }
}

#[test]
fn what_is_no_hash_that_is_read_here_is_refused() {
    let long = format!("pbkdf2_sha256$1${}$aaaa", "s".repeat(600));
    for text in [
        "",
        "!kJ3n",
        "plain text",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$2x$04$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y",
        "$5$salt$result",
        "k1$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        &long,
    ] {
        assert_eq!(ForeignHash::parse(text).unwrap_err(), UnfitHash::Unknown, "{text}");
    }
}

#[test]
fn a_result_that_many_passwords_have_is_refused() {
    let text = "pbkdf2_sha256$1000$salt$ygXSPgreAWuSIjsnAQ28";
    assert_eq!(ForeignHash::parse(text).unwrap_err(), UnfitHash::TooShort);
}

#[test]
fn bcrypt_refuses_a_password_that_only_goes_round_alike() {
    let hash = bcrypt::hash_with_salt("a", 4, [7; 16]).unwrap().to_string();
    assert!(bcrypt::verify("a\0a", &hash).unwrap(), "which is why");
    let hash = ForeignHash::parse(&hash).unwrap();
    let mut engine = Engine::new(crate::EngineChoice::Auto);
    assert!(hash.is_of(&mut engine, &"a".into()).unwrap());
    assert!(!hash.is_of(&mut engine, &"a\0a".into()).unwrap());
}

#[test]
fn a_password_is_right_as_typed_and_in_nfc() {
    let (composed, decomposed) = ("cr\u{e8}me br\u{fb}l\u{e9}e", "cre\u{300}me bru\u{302}le\u{301}e");
    let mut engine = Engine::new(crate::EngineChoice::Auto);
    let mut is_of = |hashed: &str, typed: &str| {
        let hash = bcrypt::hash_with_salt(hashed, 4, [7; 16]).unwrap().to_string();
        ForeignHash::parse(&hash)
            .unwrap()
            .is_of(&mut engine, &typed.into())
            .unwrap()
    };
    assert!(is_of(composed, composed));
    assert!(is_of(decomposed, decomposed));
    assert!(is_of(composed, decomposed));
    assert!(
        !is_of(decomposed, composed),
        "a form that was never typed is not guessed"
    );
}
