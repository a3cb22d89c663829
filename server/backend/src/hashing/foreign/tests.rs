use super::*;
use sha_crypt::PasswordHasher;

const ONE: &str = "$2b$04$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y";

#[test]
fn a_django_prefix_is_removed_from_a_hash() {
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
fn a_hash_above_the_cost_limit_is_refused() {
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
    let asp_net = |rounds: u32| {
        let mut blob = vec![1, 0, 0, 0, 2];
        blob.extend(rounds.to_be_bytes());
        blob.extend(16_u32.to_be_bytes());
        blob.extend([7; 48]);
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, blob)
    };
    let firebase = |n: u32| {
        let (bytes, salt) = ("QUFB".repeat(20), "c2FsdA==");
        format!("$fbscrypt$v=1,n={n},r=8,p=1,ss=Bw==,sk={bytes}${salt}${bytes}")
    };
    let sha_crypt = |rounds: u32| format!("$6$rounds={rounds}$salt${}", "a".repeat(85) + "/");
    let phpass = |digit: char| format!("$P${digit}saltsalt{}.", "a".repeat(21));
    for (within, beyond) in [
        (asp_net(4_000_000), asp_net(4_000_001)),
        (firebase(18), firebase(19)),
        (sha_crypt(1_000_000), sha_crypt(1_000_001)),
        (phpass('I'), phpass('J')),
    ] {
        let parse = ForeignHash::parse;
        assert!(parse(&within).is_ok(), "{within} {:?}", parse(&within));
        assert!(
            matches!(parse(&beyond), Err(UnfitHash::TooCostly { .. })),
            "{beyond} {:?}",
            parse(&beyond)
        );
    }
    assert!(ForeignHash::parse(&ONE.replace("$04$", "$15$")).is_ok());
    for cost in ["$16$", "$31$"] {
        let refused = ForeignHash::parse(&ONE.replace("$04$", cost)).unwrap_err();
        assert_eq!(refused, UnfitHash::TooCostly { bound: "cost 15" });
    }
}

#[test]
fn a_damaged_hash_is_reported_with_its_kind() {
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
        ("$wp$2y$04$short", "WordPress' bcrypt"),
        ("$P$Bshort", "phpass"),
        ("$P$1saltsaltaaaaaaaaaaaaaaaaaaaaa.", "phpass"),
        ("$6$salt$short", "SHA-crypt"),
        (
            "$5$rounds=999$salt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "SHA-crypt",
        ),
        ("{CRYPT}$6$salt$short", "SHA-crypt"),
        ("{SSHA}c2FsdA==", "salted SHA"),
        ("{SSHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "salted SHA"),
        (
            "$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=QUFB$c2FsdA==$QUFB",
            "Firebase's scrypt",
        ),
    ] {
        assert_eq!(
            ForeignHash::parse(text).unwrap_err(),
            UnfitHash::Damaged { kind },
            "{text}"
        );
    }
}

#[test]
fn an_unsupported_hash_format_is_refused() {
    let long = format!("pbkdf2_sha256$1${}$aaaa", "s".repeat(600));
    for text in [
        "",
        "!kJ3n",
        "plain text",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$2x$04$X.S.FCp0AEbHBB1Sp6vF2eDj6ONZHM7kzESkwXkaJLZEH3CDVmi7y",
        "5f4dcc3b5aa765d61d8327deb882cf9",
        "{SMD5}c2FsdHNhbHRzYWx0c2FsdHNhbHQ=",
        "AQAAAAMAAAPoAAAAECgmwAzZiu+blljtq2eejlPU5izBDVeE6Bnd7c7RyWfK/mJpmCBQe97eIcHYqMkkzQ==",
        "k1$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        &long,
    ] {
        assert_eq!(ForeignHash::parse(text).unwrap_err(), UnfitHash::Unknown, "{text}");
    }
}

#[test]
fn an_unsalted_hash_is_refused() {
    for text in [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{sha512}sQnzu7wkTrgkQZF+0G1hi5AI3Qmzvv0ba+2Q7Y0Uv0Y=",
        "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
    ] {
        assert_eq!(ForeignHash::parse(text).unwrap_err(), UnfitHash::Unsalted, "{text}");
    }
}

#[test]
fn a_crypt_scheme_prefix_is_accepted() {
    let hash = ForeignHash::parse(&format!("{{crypt}}{ONE}")).unwrap();
    assert_eq!(hash.as_str(), ONE);
}

/// Attack: a hash that causes a fault at each sign-in reveals that its address has an account.
#[test]
fn an_unreadable_sha_crypt_hash_is_refused() {
    let result = "a".repeat(85);
    for (salt, last) in [("", "/"), ("sa_lt", "/"), ("salt", "z")] {
        let text = format!("$6${salt}${result}{last}");
        assert!(ForeignHash::parse(&text).is_err(), "{text}");
    }
    let hash = ForeignHash::parse(&format!("$6$salt${result}/")).unwrap();
    let mut engine = Engine::new(crate::EngineChoice::Auto);
    assert!(!hash.is_of(&mut engine, &"three random words".into()).unwrap());
}

/// Attack: each of a million rounds reads a password of several megabytes.
#[test]
fn sha_crypt_refuses_a_password_longer_than_512_bytes() {
    let mut engine = Engine::new(crate::EngineChoice::Auto);
    let params = sha_crypt::Params::new(1_000).unwrap();
    let hasher = sha_crypt::ShaCrypt::new(sha_crypt::Algorithm::Sha512Crypt, params);
    for (length, right) in [(512, true), (513, false)] {
        let password = "a".repeat(length);
        let made = hasher.hash_password_with_salt(password.as_bytes(), b"salt").unwrap();
        let hash = ForeignHash::parse(made.as_str()).unwrap();
        assert_eq!(hash.is_of(&mut engine, &password.into()).unwrap(), right, "{length}");
    }
}

#[test]
fn a_truncated_hash_is_refused() {
    let text = "pbkdf2_sha256$1000$salt$ygXSPgreAWuSIjsnAQ28";
    assert_eq!(ForeignHash::parse(text).unwrap_err(), UnfitHash::TooShort);
}

#[test]
fn bcrypt_refuses_a_repetition_of_the_password() {
    let hash = bcrypt::hash_with_salt("a", 4, [7; 16]).unwrap().to_string();
    assert!(bcrypt::verify("a\0a", &hash).unwrap(), "bcrypt itself accepts it");
    let hash = ForeignHash::parse(&hash).unwrap();
    let mut engine = Engine::new(crate::EngineChoice::Auto);
    assert!(hash.is_of(&mut engine, &"a".into()).unwrap());
    assert!(!hash.is_of(&mut engine, &"a\0a".into()).unwrap());
}

#[test]
fn a_password_matches_as_typed_or_in_nfc() {
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
