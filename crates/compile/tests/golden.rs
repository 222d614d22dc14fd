//! Golden files: `tests/golden/<case>.yaml` compiled, against `<case>.snapshot` and
//! `<case>.problems`. `UPDATE_GOLDEN=1` writes them anew; read the difference before you keep it.
//!
//! A first line `# options: --label a=b --namespace ns --port-map 80=8080 --domain d
//! --locality r/z --ip-families both --role sidecar --resolve-none --allow-destination b
//! --allow-unenforced-policies` sets what the world is compiled for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what broke by panicking"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use propylon_compile::admission::Ledger;
use propylon_compile::{Families, Leg, Options, Role, compile};
use propylon_model::{Labels, Problem, Severity};
use propylon_source::file::{ReadOptions, mesh_config, read};

#[test]
fn every_case_compiles_to_what_is_written_beside_it() {
    let cases = cases();
    assert!(!cases.is_empty(), "no cases below {}", folder().display());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    for case in cases {
        let (snapshot, problems) = compiled(&case);
        for (extension, found) in [("snapshot", snapshot), ("problems", problems)] {
            let path = case.with_extension(extension);
            if update {
                std::fs::write(&path, &found).unwrap();
            }
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            if expected != found {
                let _ = writeln!(wrong, "{}\n{}", path.display(), difference(&expected, &found));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE_GOLDEN=1 writes the files anew");
}

#[test]
fn no_golden_file_is_left_without_its_case() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("yaml").exists(), "{} has no case", path.display());
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    cases.sort();
    cases
}

fn compiled(case: &Path) -> (String, String) {
    let options = options(&std::fs::read_to_string(case).unwrap());
    let found = read(&[case.to_owned()], &ReadOptions::default());
    let (mesh, mesh_problems) = mesh_config(&found.objects, "istio-system");
    let mut problems = found.problems;
    problems.extend(mesh_problems);
    let (mut world, refused) = Ledger::default().admit(found.objects, &[]);
    world.mesh = mesh;
    problems.extend(refused);
    let compiled = compile(&world, &options);
    problems.extend(compiled.problems);
    (compiled.snapshot.dump(), problems.iter().map(line).collect())
}

fn line(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let object = problem.object.as_ref().map_or("-".to_owned(), ToString::to_string);
    let mut line =
        format!("{severity} {} {object} {}: {}\n", problem.code, problem.field, problem.message);
    for note in &problem.notes {
        let _ = writeln!(line, "    {} {}: {}", note.object, note.field, note.text);
    }
    line
}

fn options(text: &str) -> Options {
    let mut options = Options::default();
    let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("# options: ")) else {
        return options;
    };
    let mut labels = Labels::new();
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("an option has a value");
        let pair = |text: &str| {
            let (key, value) = text.split_once('=').expect("a pair has an equals sign");
            (key.to_owned(), value.to_owned())
        };
        match word {
            "--label" => labels.extend([pair(value())]),
            "--namespace" => options.namespace = value().to_owned(),
            "--locality" => options.locality = Some(value().to_owned()),
            "--domain" => options.domain = value().to_owned(),
            "--port-map" => {
                let (from, to) = pair(value());
                options.port_map.insert(from.parse().unwrap(), to.parse().unwrap());
            }
            "--role" if value() == "sidecar" => {
                let captured = vec![([127, 0, 0, 1], 15001).into()];
                let proxy = vec![([127, 0, 0, 1], 15080).into()];
                options.role = Role::Sidecar(Leg { captured, proxy });
                options.labels = Labels::new();
                options.namespace = "default".to_owned();
            }
            "--resolve-none" => options.resolve_none = true,
            "--allow-destination" => {
                options.allowed_destinations.push(value().parse().unwrap());
            }
            "--ip-families" => {
                options.families = match value() {
                    "ipv4" => Families::V4,
                    "ipv6" => Families::V6,
                    _ => Families::Both,
                }
            }
            "--allow-unenforced-policies" => options.allow_unenforced_policies = true,
            "--alert-unknown-names" => options.alert_unknown_names = true,
            other => panic!("unknown option {other}"),
        }
    }
    if !labels.is_empty() {
        options.labels = labels;
    }
    options
}

/// The first line in which two texts differ, with a little of what follows.
fn difference(expected: &str, found: &str) -> String {
    let same = expected.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    let show = |text: &str| {
        let lines: Vec<_> = text.lines().skip(same).take(6).collect();
        lines.join("\n  ")
    };
    format!("line {}:\n  {}\nfound:\n  {}", same + 1, show(expected), show(found))
}
