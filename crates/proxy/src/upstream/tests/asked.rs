//! Outliers among endpoints that whoever asks names (DYNAMIC_DNS).

use propylon_snapshot::{Asked, Outlier};

use super::*;
use crate::upstream::health::Outcome;

fn below_example() -> Cluster {
    // Listed, because any of them may be this machine's own.
    let allowed = ["192.0.2.0/24".parse().unwrap()].into();
    let asked = Asked { original: false, names: ["*.example".into()].into(), port: 80, allowed };
    let outlier = Outlier {
        server_errors: Some(3),
        gateway_errors: None,
        local_errors: None,
        statuses: Box::default(),
        interval: Duration::from_secs(10),
        base_time: Duration::from_secs(30),
        max_time: Duration::from_secs(300),
        percent_max: 100,
        panic_percent: 0,
    };
    Cluster { outlier: Some(Arc::new(outlier)), ..cluster("a", Discovery::Asked(asked)) }
}

#[tokio::test(start_paused = true)]
async fn a_name_whose_addresses_are_ejected_is_refused_until_they_are_let_back_in() {
    let mut world = World::new(Partial(&[("a.example", 1), ("b.example", 2)]));
    let live = Rc::clone(world.publish(vec![below_example()]).cluster(ClusterId(0)));
    let names = Arc::clone(world.registry.names());
    let asked = live.asked().unwrap();
    let find = async |name: &'static str| {
        let wanted = Wanted { meant: None, name: Some(name) };
        live.endpoint_for(&asked, (&names, wanted), &[]).await
    };
    let bad = find("a.example").await.unwrap();
    (0..3).for_each(|_| bad.note(Outcome::Answered(500)));
    let refused = find("a.example").await.unwrap_err();
    assert_eq!(refused.to_string(), "every address of a.example is ejected");
    find("b.example").await.expect("other names are not concerned");
    let status = world.registry.status();
    let states = || status[0].endpoints.iter().zip(&status[0].states);
    assert!(states().any(|(one, state)| one.address == *bad.address() && state.ejected));
    tokio::time::sleep(Duration::from_secs(45)).await;
    assert!(find("a.example").await.is_ok());
}
