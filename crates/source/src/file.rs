//! Objects from a directory of YAML, as `kubectl` would read it.
//!
//! Reading is total: whatever is wrong with a document costs that document only and becomes a
//! problem with a place. Lines and columns are found again on demand, see [`Positions`].

mod codes;
mod decode;
mod document;
mod kinds;
mod listing;
mod memory;
mod mesh;
mod metadata;
mod named;
mod positions;
mod read;
mod render;
mod suggest;
mod watch;
mod yaml;

pub use memory::Memory;
pub use mesh::{mesh_config, read_mesh_config};
pub use named::{NamedFiles, read_named};
pub use positions::{Place, Positions};
pub use read::{FileRead, Read, ReadOptions, read, read_again};
pub use render::{render, render_json};
pub use watch::{SETTLED, Watch};

/// Reads arbitrary bytes as a file of objects; for fuzzing. Whatever they are, it returns.
#[doc(hidden)]
pub fn fuzz_yaml(bytes: &[u8]) {
    let read = read::read_bytes(bytes);
    let mut positions = Positions::new();
    for problem in &read.problems {
        positions.place_in(problem, &String::from_utf8_lossy(bytes));
    }
}
