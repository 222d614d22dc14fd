//! Where objects come from: files today, Kubernetes and xDS later.
//!
//! A source turns what it reads into objects of the model and problems with their places. None
//! of them compiles, and none knows the data plane.

pub mod file;
