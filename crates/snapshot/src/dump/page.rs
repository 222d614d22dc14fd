//! The paper that a dump is written on: lines and their depth.

/// Spaces per level.
const INDENT: usize = 2;

/// Text in the making.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    depth: usize,
}

impl Page {
    pub(super) fn line(&mut self, text: &str) {
        for _ in 0..self.depth * INDENT {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Lines one level deeper.
    pub(super) fn inside(&mut self, write: impl FnOnce(&mut Self)) {
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// One formatted line.
macro_rules! line {
    ($page:expr, $($format:tt)+) => { $page.line(&format!($($format)+)) };
}
pub(super) use line;
