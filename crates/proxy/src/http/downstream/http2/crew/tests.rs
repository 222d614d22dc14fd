//! Who answers which stream.

use std::collections::BTreeSet;
use std::rc::Rc;

use tokio::task::{LocalSet, yield_now};

use super::*;

/// Starts a task that notes which streams it answers, each with a turn of the others in between.
fn start(
    tasks: &LocalSet,
    crew: &Rc<Crew<u32>>,
    stream: u32,
    answered: &Rc<RefCell<Vec<(u32, u32)>>>,
) {
    let (crew, answered) = (Rc::clone(crew), Rc::clone(answered));
    tasks.spawn_local(async move {
        let (own, mut next) = (stream, Some(stream));
        while let Some(stream) = next {
            yield_now().await;
            answered.borrow_mut().push((own, stream));
            next = crew.rest().await;
        }
    });
}

async fn settle() {
    for _ in 0..8 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_task_that_rests_answers_the_next_stream() {
    let (crew, answered) = (Rc::<Crew<u32>>::default(), Rc::default());
    let tasks = LocalSet::new();
    assert_eq!(crew.call(1), Some(1), "nobody rests");
    start(&tasks, &crew, 1, &answered);
    tasks.run_until(settle()).await;
    assert_eq!(crew.call(2), None);
    assert_eq!(crew.call(3), Some(3), "the only one that rests is called already");
    tasks.run_until(settle()).await;
    assert_eq!(*answered.borrow(), [(1, 1), (1, 2)]);
    assert_eq!(crew.resting.get(), 1);
}

#[tokio::test]
async fn every_stream_is_answered_once_however_calls_and_rests_meet() {
    let (crew, answered) = (Rc::<Crew<u32>>::default(), Rc::default());
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            for stream in 0..500 {
                if let Some(stream) = crew.call(stream) {
                    start(&tasks, &crew, stream, &answered);
                }
                // Bursts of all lengths, with tasks that finish in between.
                for _ in 0..stream % 7 % 4 {
                    yield_now().await;
                }
            }
            settle().await;
        })
        .await;
    let answered = answered.borrow();
    let streams: BTreeSet<u32> = answered.iter().map(|(_, stream)| *stream).collect();
    let tasks: BTreeSet<u32> = answered.iter().map(|(task, _)| *task).collect();
    assert_eq!((answered.len(), streams.len()), (500, 500));
    assert!(tasks.len() < 100, "{} tasks", tasks.len());
    assert_eq!(crew.resting.get(), tasks.len());
}

#[tokio::test]
async fn no_more_tasks_rest_than_may() {
    let (crew, answered) = (Rc::<Crew<u32>>::default(), Rc::default());
    let tasks = LocalSet::new();
    let most = u32::try_from(STREAM_TASKS_KEPT_MAX).unwrap();
    for stream in 0..most + 20 {
        start(&tasks, &crew, stream, &answered);
    }
    tasks.run_until(settle()).await;
    assert_eq!(answered.borrow().len(), STREAM_TASKS_KEPT_MAX + 20);
    assert_eq!(crew.resting.get(), STREAM_TASKS_KEPT_MAX);
}
