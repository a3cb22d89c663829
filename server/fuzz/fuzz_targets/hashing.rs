//! Both Argon2 engines: for all storable parameters, inputs and salts, the fast one returns the reference's result, even in
//! reused memory. `FUZZ_SANITIZER=address` checks its `unsafe` code.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

#[derive(Debug, Arbitrary)]
struct Case<'a> {
    algorithm: u8,
    version: bool,
    lanes: u8,
    memory_kib: u16,
    passes: u8,
    output_len: u8,
    /// Whether to free the memory first.
    clear: bool,
    /// The shortest salt.
    salt: [u8; 8],
    more_salt: &'a [u8],
    secret: &'a [u8],
    data: &'a [u8],
    input: &'a [u8],
}

thread_local! {
    /// The fast engine, kept between cases like that of each hashing thread.
    static FAST: RefCell<argon2_rust::Hasher> = RefCell::new(
        argon2_rust::Argon2::new(argon2_rust::Algorithm::Argon2id, argon2_rust::Version::V0x13, argon2_rust::Params::DEFAULT).hasher(),
    );
}

fuzz_target!(|case: Case<'_>| {
    let salt = &[&case.salt, first(case.more_salt)].concat();
    let length = 4 + usize::from(case.output_len) % 125;
    let fast = fast(&case, length);
    let expected = reference(&case, salt, length, &[], &[]);
    // A heap buffer without spare capacity, so that a sanitizer detects writes past its end.
    let mut output = vec![0; length].into_boxed_slice();
    FAST.with_borrow_mut(|hasher| {
        if case.clear {
            hasher.clear();
        }
        hasher.set_argon2(fast);
        assert_eq!(hasher.hash_into(case.input, salt, &mut output), Ok(()), "{case:?}");
    });
    assert_eq!(output, expected, "{case:?}");

    // Use fresh memory of the required size.
    let (secret, data) = (first(case.secret), first(case.data));
    assert_eq!(
        fast.hash_into_with_ad(case.input, salt, secret, data, &mut output),
        Ok(()),
        "{case:?}"
    );
    assert_eq!(output, reference(&case, salt, length, secret, data), "{case:?}");
});

fn cost(case: &Case<'_>) -> (u32, u32, u32) {
    let lanes = 1 + u32::from(case.lanes) % 6;
    // Up to 3 MiB: from 2 MiB on, the fast engine maps its memory instead of allocating it.
    let memory_kib = 8 * lanes + u32::from(case.memory_kib) % 3072;
    (lanes, memory_kib, 1 + u32::from(case.passes) % 4)
}

fn fast(case: &Case<'_>, length: usize) -> argon2_rust::Argon2 {
    use argon2_rust::params::{Memory, TagLen};
    use argon2_rust::{Algorithm, Argon2, Params, Version};
    let (lanes, memory_kib, passes) = cost(case);
    let params = Params::builder()
        .memory(Memory::kib(memory_kib.into()))
        .passes(passes)
        .lanes(lanes)
        .threads(1)
        .tag_len(TagLen::bytes(length as u64))
        .build();
    let Ok(params) = params else {
        panic!("parameters are refused: {case:?}");
    };
    let algorithm = [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id][usize::from(case.algorithm) % 3];
    let version = [Version::V0x10, Version::V0x13][usize::from(case.version)];
    Argon2::new(algorithm, version, params)
}

fn reference(case: &Case<'_>, salt: &[u8], length: usize, secret: &[u8], data: &[u8]) -> Box<[u8]> {
    use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
    let (lanes, memory_kib, passes) = cost(case);
    let mut params = ParamsBuilder::new();
    params.m_cost(memory_kib).t_cost(passes).p_cost(lanes);
    if let (false, Ok(data)) = (data.is_empty(), AssociatedData::new(data)) {
        params.data(data);
    }
    let algorithm = [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id][usize::from(case.algorithm) % 3];
    let version = [Version::V0x10, Version::V0x13][usize::from(case.version)];
    let mut output = vec![0; length].into_boxed_slice();
    let hashed = params.build().and_then(|params| {
        let hasher = match secret {
            [] => Argon2::new(algorithm, version, params),
            secret => Argon2::new_with_secret(secret, algorithm, version, params)?,
        };
        hasher.hash_password_into(case.input, salt, &mut output)
    });
    assert!(hashed.is_ok(), "{case:?}");
    output
}

/// Truncates associated data to the reference's maximum length.
fn first(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(32)]
}
