//! The one way from files to a snapshot: read, admit, compile. `run`, `check`, `explain` and
//! `routes` all come through here, so they never disagree about what is wrong.

use std::path::PathBuf;

use propylon_compile::Compiler;
use propylon_compile::admission::Ledger;
use propylon_model::{AnyObject, MeshConfig, ObjectKey, Problem, World};
use propylon_snapshot::Snapshot;
use propylon_source::file::{self, Memory, NamedFiles, ReadOptions};

use crate::place::Places;

/// What is read and whom it is compiled for.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Files and directories.
    pub paths: Vec<PathBuf>,
    /// MeshConfig as a file of its own.
    pub mesh_config: Option<PathBuf>,
    /// Absolute paths of certificates are looked up below this directory.
    pub root: Option<PathBuf>,
    /// The gateway workload.
    pub compile: propylon_compile::Options,
}

/// Loads again and again, and remembers the last good version of every object between.
#[derive(Debug)]
pub(crate) struct Loader {
    settings: Settings,
    ledger: Ledger,
    mesh: Option<MeshConfig>,
    options: ReadOptions,
    /// Most reloads change one file of many.
    memory: Memory,
    /// Most changes in a cluster are of endpoints.
    compiler: Compiler,
}

/// One reading of all files, compiled.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The objects in force.
    pub world: World,
    /// What they mean.
    pub snapshot: Snapshot,
    /// Everything found on the way: errors first, then by file and position; none twice.
    pub problems: Vec<Problem>,
    /// Objects whose files cannot be taken as they stand now, so that an earlier version serves.
    pub held: Vec<ObjectKey>,
    /// Certificates and keys that were read beside.
    pub named: NamedFiles,
}

impl Loader {
    /// A loader that has read nothing yet.
    #[must_use]
    pub(crate) fn new(settings: Settings) -> Self {
        let options = ReadOptions::default();
        let memory = Memory::default();
        let compiler = Compiler::default();
        Self { settings, ledger: Ledger::default(), mesh: None, options, memory, compiler }
    }

    /// Reads and compiles everything as it stands now.
    pub(crate) fn load(&mut self) -> Loaded {
        let read = file::read_again(&self.settings.paths, &self.options, &mut self.memory);
        // The first reading takes what is there; a later one can wait for who writes just now.
        self.options.settled_for = Some(file::SETTLED);
        let unread: Vec<PathBuf> =
            read.files.into_iter().filter(|file| !file.ok).map(|file| file.path).collect();
        let mut problems = read.problems;
        let (mut world, admission) = self.ledger.admit(read.objects, &unread);
        problems.extend(admission);
        // Of what was admitted: a ConfigMap whose file cannot be read now stays in force, too.
        let maps = world.config_maps.iter().cloned().map(AnyObject::ConfigMap).collect::<Vec<_>>();
        self.read_mesh(&maps, &mut problems);
        world.mesh.clone_from(&self.mesh);
        let (files, named) = file::read_named(&world, self.settings.root.as_deref());
        world.files = files;
        let compiled = self.compiler.compile(&world, &self.settings.compile);
        problems.extend(compiled.problems);
        order(&mut problems);
        let held = self.ledger.held().to_vec();
        Loaded { world, snapshot: compiled.snapshot, problems, held, named }
    }

    /// The mesh's settings as they stand now; what cannot be read leaves the last good ones in
    /// force.
    fn read_mesh(&mut self, objects: &[AnyObject], problems: &mut Vec<Problem>) {
        if let Some(path) = &self.settings.mesh_config {
            match file::read_mesh_config(path) {
                Ok(mesh) => self.mesh = Some(mesh),
                Err(found) => problems.extend(found),
            }
            return;
        }
        let (mesh, found) = file::mesh_config(objects, ROOT_NAMESPACE);
        if found.is_empty() {
            self.mesh = mesh;
        }
        problems.extend(found);
    }
}

impl Loaded {
    /// Adds problems that were found later, each at its place.
    pub(crate) fn add(&mut self, problems: Vec<Problem>) {
        if !problems.is_empty() {
            self.problems.extend(problems);
            order(&mut self.problems);
        }
    }
}

/// Errors first; within a severity by file, line and column.
fn order(problems: &mut Vec<Problem>) {
    problems.sort();
    problems.dedup();
    let mut places = Places::default();
    problems.sort_by_cached_key(|problem| {
        let place = places.problem(problem);
        (problem.severity, problem.source.clone(), place.map(|p| (p.line, p.column)))
    });
}

/// Where Istio keeps its ConfigMap, whatever namespace a gateway runs in.
const ROOT_NAMESPACE: &str = "istio-system";
