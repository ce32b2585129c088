//! Progress on stderr, when that is a terminal.

use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bars below each other.
pub struct Bars(MultiProgress);

/// One bar.
pub struct Bar(ProgressBar);

impl Bars {
    /// None drawn yet; none ever, where stderr is no terminal.
    pub fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self(MultiProgress::with_draw_target(target))
    }

    /// A bar that counts up to `total`; 0 where that isn't known yet.
    pub fn count(&self, name: &'static str, total: u64) -> Bar {
        self.bar(name, total, "{prefix:>10} {wide_bar} {human_pos:>9}/{human_len:<9}")
    }

    /// A bar that counts bytes.
    pub fn bytes(&self, name: &'static str) -> Bar {
        self.bar(name, 0, "{prefix:>10} {wide_bar} {bytes:>11}/{total_bytes:<11} {eta:>6} left")
    }

    /// Takes them off the screen.
    pub fn clear(&self) {
        // A screen that can't be written to is no reason to stop.
        let _ = self.0.clear();
    }

    fn bar(&self, name: &'static str, total: u64, template: &str) -> Bar {
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸─");
        Bar(self.0.add(ProgressBar::new(total).with_style(style).with_prefix(name)))
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new()
    }
}

impl Bar {
    /// It is so far.
    pub fn at(&self, position: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.0.set_length(total);
        }
        self.0.set_position(position);
    }
}
