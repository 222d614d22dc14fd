//! Runs the tests of this target and reports them as libtest does, which has no way to say that a
//! test could not run. Knows names and filters; what a test does is its own business.

use std::collections::BTreeMap;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::program::Program;

/// Tests that run at the same time: each brings several processes of its own.
const AT_ONCE: usize = 3;

/// One test: a sentence, the programs without which it cannot run, and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Program],
    pub(crate) run: fn(),
}

/// A test as its function is called: `test!(needs [Curl, OpenSsl] name)`.
#[macro_export]
macro_rules! test {
    ($name:ident needs $($program:ident)+) => {
        $crate::runner::Test {
            name: concat!(module_path!(), "::", stringify!($name)),
            needs: &[$($crate::program::Program::$program),+],
            run: $name,
        }
    };
}

/// Runs those that the command line asks for; fails if one fails.
pub(crate) fn run(all: &[Test]) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let named = |test: &&Test| {
        filters.is_empty() || filters.iter().any(|filter| test.name.contains(filter.as_str()))
    };
    let chosen: Vec<&Test> = all.iter().filter(named).collect();
    if words.iter().any(|word| word == "--list") {
        chosen.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    println!("\nrunning {} tests", chosen.len());
    let missing = missing(&chosen);
    let lacks = |test: &Test| test.needs.iter().find_map(|program| missing.get(program));
    let (able, unable): (Vec<&Test>, Vec<&Test>) =
        chosen.into_iter().partition(|test| lacks(test).is_none());
    for test in &unable {
        let why = lacks(test).map_or("", String::as_str);
        println!("test {} ... ignored, {why}", test.name);
    }
    let failed = judge(&able);
    for (program, why) in &missing {
        println!("\nSKIPPED: every test that needs {program:?}: {why}; `make peers` installs it");
    }
    let (word, code) = match failed.is_empty() {
        true => ("ok", ExitCode::SUCCESS),
        false => ("FAILED", ExitCode::FAILURE),
    };
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    println!(
        "\ntest result: {word}. {} passed; {} failed; {} ignored; finished in {:.2}s\n",
        able.len() - failed.len(),
        failed.len(),
        unable.len(),
        started.elapsed().as_secs_f32()
    );
    code
}

/// Which of the needed programs are not there, and why.
fn missing(tests: &[&Test]) -> BTreeMap<Program, String> {
    let mut known: BTreeMap<Program, Option<String>> = BTreeMap::new();
    for program in tests.iter().flat_map(|test| test.needs) {
        known.entry(*program).or_insert_with(|| program.missing());
    }
    known.into_iter().filter_map(|(program, why)| Some((program, why?))).collect()
}

/// Runs them, a few at once; the names of those that fail.
fn judge(tests: &[&Test]) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::AcqRel)) {
                    let begun = Instant::now();
                    let outcome = catch_unwind(AssertUnwindSafe(test.run));
                    let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
                    let seconds = begun.elapsed().as_secs_f32();
                    println!("test {} ... {verdict} ({seconds:.1} s)", test.name);
                    if outcome.is_err() {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(test.name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}
