//! Comparison of two groups' response times: interleaved pairs, and the Mann-Whitney area under the curve.

use blackbox::Fault;
use std::time::Instant;

/// Returns the duration of `work` in ms.
pub fn ms(work: impl FnOnce() -> Result<(), Fault>) -> Result<f64, Fault> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64() * 1_000.0)
}

/// Returns the probability that a value of the second group exceeds one of the first, counting ties half: at 0.5 the groups
/// are indistinguishable.
pub fn area_under_curve(first: &[f64], second: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = Vec::with_capacity(first.len() + second.len());
    all.extend(first.iter().map(|value| (*value, false)));
    all.extend(second.iter().map(|value| (*value, true)));
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut ranks, mut at) = (0.0, 0);
    while at < all.len() {
        let same = all[at..]
            .iter()
            .take_while(|(value, _)| value.total_cmp(&all[at].0).is_eq())
            .count();
        // Ranks start at 1; equal values share their mean rank.
        let rank = at as f64 + (same as f64 + 1.0) / 2.0;
        ranks += rank * all[at..at + same].iter().filter(|(_, second)| *second).count() as f64;
        at += same;
    }
    let (of_first, of_second) = (first.len() as f64, second.len() as f64);
    (ranks - of_second * (of_second + 1.0) / 2.0) / (of_first * of_second)
}

/// Returns a percentile of the values.
pub fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::area_under_curve;

    fn nearly(area: f64, wanted: f64) -> bool {
        (area - wanted).abs() < 1e-9
    }

    #[test]
    fn equal_samples_give_one_half_and_disjoint_samples_zero_or_one() {
        assert!(nearly(area_under_curve(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.5));
        assert!(nearly(area_under_curve(&[1.0, 2.0], &[3.0, 4.0]), 1.0));
        assert!(nearly(area_under_curve(&[3.0, 4.0], &[1.0, 2.0]), 0.0));
        assert!(nearly(area_under_curve(&[1.0, 1.0], &[1.0, 1.0]), 0.5));
        assert!(nearly(area_under_curve(&[1.0, 3.0], &[2.0, 4.0]), 0.75));
    }
}
