//! Load balancers: consistent hashing and warm-up. Localities have a file of their own.

use propylon_model::destination_rule::{
    ConsistentHash, CookieAttribute, HashAlgorithm, HashKey, LbPolicy, LoadBalancer, Maglev, Warmup,
};

use super::code;
use super::locality;
use super::names::duration;
use super::report::{Findings, Place};

/// Envoy's upper bound of Maglev tables; the bound itself is refused.
const MAGLEV_TABLE_MAX: u64 = 5_000_011;

/// Checks a load balancer. `outlier`: outlier detection stands beside it.
pub(super) fn check(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    settings: &LoadBalancer,
    outlier: bool,
) {
    let LoadBalancer {
        policy,
        locality_lb_setting,
        zone_aware_lb_setting,
        warmup_duration_secs,
        warmup,
    } = settings;
    if let Some(LbPolicy::ConsistentHash(hash)) = policy {
        check_hash(out, &place.key("consistentHash"), hash);
    }
    if locality_lb_setting.is_some() && zone_aware_lb_setting.is_some() {
        out.error(
            code::CONFLICT,
            &place.key("zoneAwareLbSetting"),
            "localityLbSetting and zoneAwareLbSetting both say which endpoints are near",
            "keep one of them",
        );
    }
    if let Some(setting) = locality_lb_setting {
        locality::check(out, &place.key("localityLbSetting"), setting, outlier);
    }
    if let Some(setting) = zone_aware_lb_setting {
        locality::check_zones(out, &place.key("zoneAwareLbSetting"), setting, outlier);
    }
    if warmup_duration_secs.is_some() {
        out.warning(
            code::DEPRECATED,
            &place.key("warmupDurationSecs"),
            "warmupDurationSecs is superseded by warmup",
            "write `warmup: {duration: ...}`",
        );
    }
    if let Some(warmup) = warmup {
        check_warmup(out, &place.key("warmup"), warmup);
    }
}

fn check_hash(out: &mut Findings<'_>, place: &Place<'_>, hash: &ConsistentHash) {
    let ConsistentHash { key, algorithm, minimum_ring_size } = hash;
    if let Some(HashKey::HttpCookie(cookie)) = key {
        let here = place.key("httpCookie");
        if cookie.name.is_empty() {
            out.error(
                code::MISSING,
                &here,
                "the cookie has no name, so there is nothing to hash",
                "add `name: affinity`",
            );
        }
        check_attributes(out, &here.key("attributes"), &cookie.attributes);
    }
    if *minimum_ring_size != 0 {
        let here = place.key("minimumRingSize");
        if algorithm.is_some() {
            out.error(
                code::CONFLICT,
                &here,
                "minimumRingSize contradicts the algorithm beside it",
                format!("write `ringHash: {{minimumRingSize: {minimum_ring_size}}}` alone"),
            );
        } else {
            out.warning(
                code::DEPRECATED,
                &here,
                "minimumRingSize is superseded by ringHash",
                format!("write `ringHash: {{minimumRingSize: {minimum_ring_size}}}`"),
            );
        }
    }
    if let Some(HashAlgorithm::Maglev(Maglev { table_size })) = algorithm {
        check_table(out, &place.key("maglev"), *table_size);
    }
}

fn check_table(out: &mut Findings<'_>, place: &Place<'_>, size: u64) {
    let here = place.key("tableSize");
    let advice = "write a prime below 5000011; Envoy's default is 65537";
    if size == 0 {
        out.error(code::MISSING, place, "the Maglev table has no size", advice);
    } else if size >= MAGLEV_TABLE_MAX {
        out.error(code::RANGE, &here, format!("a table of {size} entries is too large"), advice);
    } else if !is_prime(size) {
        out.error(code::RANGE, &here, format!("{size} is not prime, as Maglev needs"), advice);
    }
}

/// True for primes, and for 1, which Envoy lets pass.
fn is_prime(number: u64) -> bool {
    let divisor = |factor: &u64| number.is_multiple_of(*factor);
    match number {
        0 => false,
        1..=3 => true,
        _ => {
            let mut factors = (2..).take_while(|factor| factor * factor <= number);
            !factors.any(|factor| divisor(&factor))
        }
    }
}

fn check_attributes(out: &mut Findings<'_>, list: &Place<'_>, attributes: &[CookieAttribute]) {
    for (position, attribute) in attributes.iter().enumerate() {
        let here = list.index(position);
        let CookieAttribute { name, value: _ } = attribute;
        if name.is_empty() {
            out.error(
                code::MISSING,
                &here,
                "the cookie's attribute has no name",
                "add `name: SameSite`",
            );
        } else if attributes[..position].iter().any(|other| other.name == *name) {
            out.error(
                code::DUPLICATE,
                &here.key("name"),
                format!("cookie attribute `{name}` is given twice"),
                "keep one of them",
            );
        }
    }
}

fn check_warmup(out: &mut Findings<'_>, place: &Place<'_>, warmup: &Warmup) {
    let Warmup { duration: length, minimum_percent, aggression } = warmup;
    if length.is_none() {
        out.error(code::MISSING, place, "the warm-up has no duration", "add `duration: 60s`");
    }
    duration(out, &place.key("duration"), *length, "remove `warmup` to switch it off");
    if minimum_percent.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
        out.error(
            code::PERCENT,
            &place.key("minimumPercent"),
            "a new endpoint cannot start with more than its full share, or less than none",
            "write a number from 0 to 100",
        );
    }
    if aggression.is_some_and(|aggression| aggression.is_nan() || aggression <= 0.0) {
        out.error(
            code::RANGE,
            &place.key("aggression"),
            "the aggression of a warm-up must be above 0",
            "write 1 for a straight line, more for a steeper start",
        );
    }
}
