//! The bound of every sign-in: how long one password hash takes here and now.

use crate::crowd::hurry;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use outside::Fault;
use std::hint::black_box;
use std::time::Instant;

/// As in the service: memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes of one measurement.
const HASHES: usize = 21;

/// One hash on a quiet machine, on one thread, in seconds: the median of some.
pub fn alone_s() -> Result<f64, Fault> {
    let mut times = Vec::with_capacity(HASHES);
    let mut memory = Vec::new();
    for _ in 0..HASHES {
        let began = Instant::now();
        hash(&mut memory)?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[HASHES / 2])
}

/// Hashes a second when every core has one: what the memory's bus leaves of `cores ÷ time of one`.
#[allow(clippy::cast_precision_loss, reason = "counts here are small")]
pub fn all_cores_a_second(cores: usize) -> Result<f64, Fault> {
    let began = Instant::now();
    hurry(cores, cores, |_| {
        let mut memory = Vec::new();
        (0..HASHES).try_for_each(|_| hash(&mut memory))
    })?;
    Ok((HASHES * cores) as f64 / began.elapsed().as_secs_f64())
}

/// On memory that is there already: the strictest bound, as getting it costs another fifth.
fn hash(piece: &mut Vec<Block>) -> Result<(), Fault> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|error| error.to_string())?;
    piece.resize(params.block_count(), Block::new());
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(black_box(&[7; 64]), black_box(&[9; 16]), &mut out, piece)
        .map_err(|error| error.to_string())?;
    black_box(out);
    Ok(())
}
