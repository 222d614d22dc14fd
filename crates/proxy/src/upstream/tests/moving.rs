//! Names of which one address counts at a time (DNS_ROUND_ROBIN): their connections stay good when
//! the address changes, and only new ones go to the new address.

use tokio::time::Instant;

use super::*;
use crate::upstream::names::REFRESH_MIN;

/// Two origins at one port of two addresses.
async fn pair() -> [Origin; 2] {
    loop {
        let one = Origin::new().await;
        let other = TcpListener::bind(("127.0.0.2", one.address().port())).await;
        if let Ok(other) = other {
            return [one, Origin(other)];
        }
    }
}

fn moving(name: &str, port: u16) -> Discovery {
    let target = DnsTarget {
        name: name.into(),
        port,
        weight: 1,
        locality: Locality::default(),
        priority: 0,
        plaintext: false,
    };
    Discovery::Dns { names: [target].into(), fixed: [].into(), first_only: true }
}

/// Lets the answer that holds come to its end, and the next one be taken.
async fn next_answer() {
    tokio::time::pause();
    tokio::time::sleep(REFRESH_MIN * 2).await;
    tokio::time::resume();
}

async fn connected(live: &LiveCluster) -> Connection {
    let endpoint = live.choose(None, &[]).unwrap();
    endpoint.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap()
}

fn at(origin: &Origin) -> Address {
    Address::Ip(origin.address())
}

fn turning(origins: &[Origin; 2]) -> Scripted {
    let [one, other] = origins.each_ref().map(|origin| origin.address().ip());
    let answers = [answer(&[one, other], 1), answer(&[other, one], 600)];
    Scripted::new(answers)
}

#[tokio::test]
async fn connections_stay_good_when_the_first_address_changes() {
    let origins = pair().await;
    let mut world = World::new(turning(&origins));
    let [one, other] = &origins;
    let moving = || vec![cluster("a", moving("a.example", one.address().port()))];
    let live = Rc::clone(world.publish(moving()).cluster(ClusterId(0)));
    world.registry.warm(LIMIT).await;
    let (held, kept_one) = (connected(&live).await, connected(&live).await);
    let _accepted = (one.accept().await, one.accept().await);
    kept_one.release();
    next_answer().await;
    let endpoint = live.choose(None, &[]).unwrap();
    assert_eq!(*endpoint.address(), at(other));
    assert_eq!(endpoint.active(), 1, "what is under way stays known");
    let reused = kept(&endpoint).unwrap();
    assert_eq!(*reused.endpoint().address(), at(one), "it says where it leads");
    let fresh = connected(&live).await;
    assert_eq!(*fresh.endpoint().address(), at(other), "new ones go to the new address");
    held.release();
    assert!(kept(&endpoint).is_some_and(|again| *again.endpoint().address() == at(one)));
    assert_eq!(live.counters().upstream_cx_total.get(), 3);
}

#[tokio::test]
async fn connections_to_an_earlier_address_end_with_their_time_and_with_the_cluster() {
    let origins = pair().await;
    let mut world = World::new(turning(&origins));
    let port = origins[0].address().port();
    let moving = vec![cluster("a", moving("a.example", port))];
    let live = Rc::clone(world.publish(moving).cluster(ClusterId(0)));
    world.registry.warm(LIMIT).await;
    let all = [connected(&live).await, connected(&live).await, connected(&live).await];
    let [idle, unused, busy] = all;
    idle.release();
    next_answer().await;
    assert!(live.choose(None, &[]).is_some());
    assert_eq!(live.idle_connections(), 1);
    live.sweep(Instant::now() + Duration::from_secs(3600));
    assert_eq!(live.idle_connections(), 0);
    unused.release();
    assert_eq!(live.idle_connections(), 1);
    world.publish(Vec::new());
    busy.release();
    assert_eq!(live.idle_connections(), 0);
    assert_eq!(live.counters().upstream_cx_active.get(), 0);
}

#[tokio::test]
async fn an_address_that_left_the_answer_is_let_go_of_without_a_request() {
    let origins = pair().await;
    let [one, other] = origins.each_ref().map(|origin| origin.address().ip());
    let mut world = World::new(Scripted::new([answer(&[one], 1), answer(&[other], 600)]));
    let mut discovery = moving("a.example", origins[0].address().port());
    if let Discovery::Dns { first_only, .. } = &mut discovery {
        *first_only = false;
    }
    let live = Rc::clone(world.publish(vec![cluster("a", discovery)]).cluster(ClusterId(0)));
    world.registry.warm(LIMIT).await;
    connected(&live).await.release();
    live.sweep(Instant::now());
    assert_eq!(live.idle_connections(), 1);
    next_answer().await;
    live.sweep(Instant::now());
    assert_eq!(live.counters().upstream_cx_active.get(), 0);
}

#[tokio::test]
async fn another_name_takes_nothing_over() {
    let origins = pair().await;
    let mut world = World::new(turning(&origins));
    let port = origins[0].address().port();
    let live = {
        let generation = world.publish(vec![cluster("a", moving("a.example", port))]);
        Rc::clone(generation.cluster(ClusterId(0)))
    };
    world.registry.warm(LIMIT).await;
    connected(&live).await.release();
    let after = world.publish(vec![cluster("a", moving("b.example", port))]);
    assert!(Rc::ptr_eq(&live, after.cluster(ClusterId(0))));
    world.registry.warm(LIMIT).await;
    next_answer().await;
    assert!(kept(&live.choose(None, &[]).unwrap()).is_none());
}
