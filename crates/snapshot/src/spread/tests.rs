//! The share of an endpoint by its age.

use super::*;

fn warmup(minimum: u32, aggression: f64) -> Warmup {
    let duration = Duration::from_secs(100);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
    let aggression = (aggression * 1e6) as u64;
    Warmup { duration, minimum: Fraction(minimum * 10_000), aggression }
}

fn share(warmup: &Warmup, seconds: u64) -> u32 {
    let share = warmup.share(Duration::from_secs(seconds));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    let thousandths = (share * 1000.0).round() as u32;
    thousandths
}

#[test]
fn a_share_grows_in_a_straight_line_from_its_minimum() {
    let warmup = warmup(10, 1.0);
    assert_eq!(
        [0, 5, 10, 50, 99, 100, 500].map(|age| share(&warmup, age)),
        [100, 100, 100, 500, 990, 1000, 1000]
    );
}

#[test]
fn aggression_is_the_root_of_the_time() {
    assert_eq!(share(&warmup(10, 2.0), 25), 500, "the square root of a quarter");
    assert_eq!(share(&warmup(10, 0.5), 50), 250, "the square of a half");
}

#[test]
fn without_a_minimum_something_is_left_from_the_first_moment_on() {
    let warmup = warmup(0, 1.0);
    assert!(warmup.share(Duration::ZERO) > 0.0);
    assert_eq!(share(&warmup, 0), 0);
}

#[test]
fn a_minimum_of_everything_is_no_warmup() {
    assert_eq!(share(&warmup(100, 1.0), 0), 1000);
}
