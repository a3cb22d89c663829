//! The upper bound of every sign-in: the time of one password hash on this machine.

use crate::crowd::hurry;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use argon2_rust::params::{Memory, TagLen};
use blackbox::Fault;
use std::hint::black_box;
use std::time::Instant;

/// The service's parameters: memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes per measurement.
const HASHES: usize = 21;
const INPUT: [u8; 64] = [7; 64];
const SALT: [u8; 16] = [9; 16];

/// Returns the median time of one hash of the service on an idle machine and one thread, in seconds.
pub fn alone_s() -> Result<f64, Fault> {
    median_s(ours()?)
}

/// Returns the median time of the reference implementation.
pub fn reference_s() -> Result<f64, Fault> {
    let mut arena = Vec::new();
    median_s(|| reference(&mut arena))
}

/// Returns hashes per second on all cores; memory bandwidth keeps them below `cores ÷ time of one hash`.
pub fn all_cores_a_second(cores: usize) -> Result<f64, Fault> {
    let began = Instant::now();
    hurry(cores, cores, |_| {
        let mut hash = ours()?;
        (0..HASHES).try_for_each(|_| hash())
    })?;
    Ok((HASHES * cores) as f64 / began.elapsed().as_secs_f64())
}

fn median_s(mut hash: impl FnMut() -> Result<(), Fault>) -> Result<f64, Fault> {
    let mut times = Vec::with_capacity(HASHES);
    for _ in 0..HASHES {
        let began = Instant::now();
        hash()?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[HASHES / 2])
}

/// Returns a function that hashes in reused memory: the strictest bound, because allocation costs another fifth.
fn ours() -> Result<impl FnMut() -> Result<(), Fault>, Fault> {
    use argon2_rust::{Algorithm, Argon2, Params, Version};
    let (memory, passes, lanes) = COST;
    let params = Params::builder()
        .memory(Memory::kib(memory.into()))
        .passes(passes)
        .lanes(lanes)
        .tag_len(TagLen::bytes(32))
        .build()
        .map_err(|error| error.to_string())?;
    let mut hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher();
    Ok(move || {
        let mut out = [0; 32];
        hasher
            .hash_into(black_box(&INPUT), black_box(&SALT), &mut out)
            .map_err(|error| error.to_string())?;
        black_box(out);
        Ok(())
    })
}

fn reference(arena: &mut Vec<Block>) -> Result<(), Fault> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|error| error.to_string())?;
    arena.resize(params.block_count(), Block::new());
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(black_box(&INPUT), black_box(&SALT), &mut out, arena)
        .map_err(|error| error.to_string())?;
    black_box(out);
    Ok(())
}
