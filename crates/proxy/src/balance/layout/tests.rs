//! Loads, panic and localities, number by number; and that loads always come to a hundred.

use propylon_snapshot::Address;

use super::*;

/// Of each priority how many are healthy of how many.
fn loads_of(counts: &[(usize, usize)], panic_percent: u32) -> Vec<(u32, bool)> {
    let counts: Vec<Counts> =
        counts.iter().map(|(healthy, all)| Counts { all: *all, healthy: *healthy }).collect();
    loads(&counts, panic_percent).iter().map(|load| (load.percent, load.panics)).collect()
}

#[test]
fn the_nearest_priority_stands_everything_until_less_than_five_of_seven_are_healthy() {
    assert_eq!(loads_of(&[(10, 10), (10, 10)], 0), [(100, false), (0, false)]);
    assert_eq!(loads_of(&[(8, 10), (10, 10)], 0), [(100, false), (0, false)]);
    assert_eq!(loads_of(&[(7, 10), (10, 10)], 0), [(98, false), (2, false)]);
    assert_eq!(loads_of(&[(5, 10), (10, 10)], 0), [(70, false), (30, false)]);
    assert_eq!(loads_of(&[(0, 10), (10, 10)], 0), [(0, false), (100, false)]);
}

#[test]
fn priorities_that_were_tried_leave_everything_to_the_others() {
    assert_eq!(without(&[0], &[100, 100, 100]), Some(vec![0, 100, 100]));
    assert_eq!(without(&[0, 1], &[100, 100, 100]), Some(vec![0, 0, 100]));
    assert_eq!(without(&[0], &[100, 70, 20]), Some(vec![0, 78, 100]));
    assert_eq!(without(&[1], &[0, 100, 20]), Some(vec![0, 0, 100]));
    assert_eq!(without(&[0, 1], &[100, 100, 0]), None);
    assert_eq!(without(&[0], &[100]), None);
}

#[test]
fn what_one_priority_cannot_stand_spills_on() {
    assert_eq!(loads_of(&[(1, 4), (1, 2), (3, 3)], 0), [(35, false), (65, false), (0, false)]);
    assert_eq!(loads_of(&[(1, 4), (0, 2), (3, 3)], 0), [(35, false), (0, false), (65, false)]);
}

#[test]
fn too_few_healthy_ones_everywhere_take_it_in_proportion() {
    // 35, 14 and 0 of 49; the rest of rounding goes to the first.
    assert_eq!(loads_of(&[(1, 4), (1, 10), (0, 3)], 0), [(72, false), (28, false), (0, false)]);
}

#[test]
fn with_nobody_healthy_and_no_panic_the_nearest_priority_refuses_everything() {
    assert_eq!(loads_of(&[(0, 2), (0, 2)], 0), [(100, false), (0, false)]);
}

#[test]
fn panic_is_for_priorities_with_too_few_healthy_ones_when_all_cannot_stand_the_load() {
    assert_eq!(loads_of(&[(1, 10), (10, 10)], 50), [(14, false), (86, false)]);
    assert_eq!(loads_of(&[(1, 10), (6, 10)], 50), [(15, true), (85, false)]);
    assert_eq!(loads_of(&[(1, 10), (5, 10)], 60), [(50, true), (50, true)]);
}

#[test]
fn panic_everywhere_goes_by_the_number_of_endpoints() {
    assert_eq!(loads_of(&[(0, 1), (0, 2)], 50), [(34, true), (66, true)]);
    assert_eq!(loads_of(&[(0, 0), (0, 3)], 50), [(0, true), (100, true)]);
}

#[test]
fn loads_come_to_a_hundred_whatever_is_healthy() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let counts: Vec<(usize, usize)> = (0..random.usize(1..6))
            .map(|_| {
                let all = random.usize(0..9);
                (random.usize(0..=all), all)
            })
            .collect();
        let percent = [0, 10, 50, 100][random.usize(0..4)];
        let loads = loads_of(&counts, percent);
        assert_eq!(loads.iter().map(|(percent, _)| percent).sum::<u32>(), 100, "{counts:?}");
        let any = counts.iter().any(|(healthy, _)| *healthy > 0);
        for ((healthy, _), (load, panics)) in counts.iter().zip(&loads) {
            assert!(
                *load == 0 || *healthy > 0 || *panics || !any,
                "{counts:?} {percent}: {loads:?}"
            );
        }
    }
}

fn endpoint(n: u8, zone: &str, priority: u32) -> Endpoint {
    let locality = Locality { zone: zone.into(), ..Locality::default() };
    let address = Address::Ip(([10, 0, 0, n], 80).into());
    Endpoint { locality, priority, ..Endpoint::at(address) }
}

fn weight(zone: &str, priority: u32, weight: u32) -> LocalityWeight {
    let locality = Locality { zone: zone.into(), ..Locality::default() };
    LocalityWeight { priority, locality, weight }
}

fn groups(level: &Level) -> Vec<(u32, Vec<usize>)> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
    let thousandths = |weight: f64| (weight * 1000.0).round() as u32;
    level.groups.iter().map(|one| (thousandths(one.weight), one.members.clone())).collect()
}

#[test]
fn endpoints_that_are_not_ready_count_as_unhealthy_ones() {
    let mut endpoints = vec![endpoint(1, "a", 0), endpoint(2, "a", 0), endpoint(3, "b", 1)];
    endpoints[1].ready = false;
    let levels = layout(&seats(&endpoints, &[]), None, |_| true, (0, false));
    assert_eq!(levels.iter().map(|level| level.upto).collect::<Vec<_>>(), [70, 100]);
    assert_eq!(groups(&levels[0]), [(1000, vec![0])]);
}

#[test]
fn a_locality_counts_for_less_once_the_rest_of_it_cannot_stand_its_part() {
    let endpoints: Vec<Endpoint> = [(1, "a"), (2, "a"), (3, "a"), (4, "a"), (5, "b")]
        .into_iter()
        .map(|(n, zone)| endpoint(n, zone, 0))
        .collect();
    let weights = [weight("b", 0, 20), weight("a", 0, 80)];
    let seats = seats(&endpoints, &weights);
    let of = |gone: &'static [usize]| {
        let levels = layout(&seats, Some(&weights), |one| !gone.contains(&one), (0, false));
        groups(&levels[0])
    };
    assert_eq!(of(&[]), [(20_000, vec![4]), (80_000, vec![0, 1, 2, 3])]);
    assert_eq!(of(&[0]), [(20_000, vec![4]), (80_000, vec![1, 2, 3])], "three stand four's part");
    assert_eq!(of(&[0, 1]), [(20_000, vec![4]), (56_000, vec![2, 3])]);
    assert_eq!(of(&[4]), [(80_000, vec![0, 1, 2, 3])], "an empty one is nobody's turn");
}

#[test]
fn in_panic_localities_do_not_count_but_for_tables() {
    let endpoints = vec![endpoint(1, "a", 0), endpoint(2, "b", 0)];
    let weights = [weight("a", 0, 90), weight("b", 0, 10)];
    let seats = seats(&endpoints, &weights);
    let panicking = |hashed| layout(&seats, Some(&weights), |_| false, (50, hashed));
    assert_eq!(groups(&panicking(false)[0]), [(1000, vec![0, 1])]);
    assert_eq!(panicking(true)[0].groups.len(), 2);
}

#[test]
fn for_tables_a_locality_counts_for_its_part_whatever_is_healthy() {
    let endpoints = vec![endpoint(1, "a", 0), endpoint(2, "a", 0), endpoint(3, "b", 0)];
    let weights = [weight("a", 0, 75), weight("b", 0, 25)];
    let levels = layout(&seats(&endpoints, &weights), Some(&weights), |one| one != 0, (0, true));
    let shares: Vec<f64> = levels[0].groups.iter().map(|group| group.share).collect();
    assert_eq!(shares, [0.75, 0.25]);
}
