//! A resolver that answers as told: how long answers hold, and what failures do.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::resolve::{Resolved, Resolving};
use super::*;

/// Addresses and how many seconds they hold, or why there are none.
type Told = Result<(Vec<IpAddr>, u64), &'static str>;

/// Answers as told, and counts.
struct Scripted {
    asked: AtomicUsize,
    answers: Mutex<Vec<Told>>,
}

impl Resolve for Scripted {
    fn resolve(&self, name: &str) -> Resolving {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let name = name.to_owned();
        Box::pin(async move {
            tokio::task::yield_now().await;
            match next {
                Ok((addresses, ttl)) => Ok(Resolved { addresses, ttl: Duration::from_secs(ttl) }),
                Err(text) => Err(why(&name, text)),
            }
        })
    }
}

fn names(answers: Vec<Told>) -> (Arc<Names>, Arc<Scripted>) {
    let resolver = Arc::new(Scripted { asked: AtomicUsize::new(0), answers: Mutex::new(answers) });
    let names = Names::new(Arc::clone(&resolver) as Arc<dyn Resolve>);
    names.settle();
    (names, resolver)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_are_one_question() {
    let (names, resolver) = names(vec![Ok((vec![address("192.0.2.1")], 30))]);
    let (one, two) = tokio::join!(names.look_up("a.com"), names.look_up("a.com"));
    assert_eq!(one.addresses, two.addresses);
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_as_long_as_it_says_and_at_least_a_second() {
    let (names, resolver) = names(vec![Ok((vec![address("192.0.2.1")], 0))]);
    names.look_up("a.com").await;
    tokio::time::advance(Duration::from_millis(900)).await;
    names.look_up("a.com").await;
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
    tokio::time::advance(Duration::from_millis(200)).await;
    names.look_up("a.com").await;
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_keeps_the_last_good_answer_and_is_held_off_ever_longer() {
    let (names, resolver) =
        names(vec![Ok((vec![address("192.0.2.1")], 1)), Err("broken"), Err("broken")]);
    names.look_up("a.com").await;
    tokio::time::advance(Duration::from_secs(2)).await;
    let stale = names.look_up("a.com").await;
    assert_eq!(*stale.addresses, [address("192.0.2.1")]);
    assert_eq!(stale.failed.unwrap().why, "broken");
    tokio::time::advance(Duration::from_millis(1100)).await;
    names.look_up("a.com").await;
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 3);
    tokio::time::advance(Duration::from_millis(1100)).await;
    names.look_up("a.com").await;
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 3, "the second wait is two seconds");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_addresses_is_a_failure() {
    let (names, _) = names(vec![Ok((Vec::new(), 30))]);
    let answer = names.look_up("a.com").await;
    assert!(answer.addresses.is_empty() && answer.failed.is_some());
}

#[tokio::test(start_paused = true)]
async fn ipv6_addresses_count_where_there_are_no_others() {
    let both = vec![address("2001:db8::1"), address("192.0.2.1")];
    let (mixed, _) = names(vec![Ok((both, 30))]);
    assert_eq!(*mixed.look_up("a.com").await.addresses, [address("192.0.2.1")]);
    let (six, _) = names(vec![Ok((vec![address("2001:db8::1")], 30))]);
    assert_eq!(*six.look_up("a.com").await.addresses, [address("2001:db8::1")]);
}

#[tokio::test(start_paused = true)]
async fn names_that_clients_choose_do_not_pile_up() {
    let (names, _) = names(vec![Ok((vec![address("192.0.2.1")], 30))]);
    for number in 0..NAMES_KEPT_MAX + 10 {
        names.look_up(&format!("n{number}.a.com")).await;
    }
    let kept = names.known.lock().unwrap().len();
    assert!(kept <= NAMES_KEPT_MAX, "{kept}");
}

#[test]
fn failed_look_ups_wait_ever_longer_up_to_a_minute() {
    let waits = |longest: Duration| -> Vec<u64> {
        (1..9).map(|failures| failure_wait(failures, longest).as_secs()).collect()
    };
    assert_eq!(waits(FAILURE_WAIT_MAX), [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(waits(Duration::from_secs(5)), [1, 2, 4, 5, 5, 5, 5, 5]);
    assert_eq!(waits(Duration::from_millis(5)), [1; 8], "never a storm");
}
